using {Commits} from '../db/schema';

@path: '/record/v1'
service RecordService {
  @readonly
  entity commits as projection on Commits;

  // Forgets every record and every commit, so that the next test starts from nothing.
  action clear();
}
