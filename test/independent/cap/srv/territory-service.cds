using {Assignments} from '../db/schema';

@path    : '/territory-api/v1'
@requires: 'authenticated-user'
service TerritoryService {
  entity assignments as projection on Assignments;
}
