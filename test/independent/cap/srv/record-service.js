import cds from '@sap/cds';

export class RecordService extends cds.ApplicationService {
  async init() {
    this.on('clear', async () => {
      const { Assignments, Commits } = cds.entities;
      await DELETE.from(Assignments);
      await DELETE.from(Commits);
    });
    return super.init();
  }
}
