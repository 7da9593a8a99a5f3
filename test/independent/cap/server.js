/** What CAP's own server leaves open: this one listens on this machine only, and does not outlive who started it. */
import cds from '@sap/cds';

cds.on('bootstrap', (app) => {
  const listen = app.listen.bind(app);
  app.listen = (port) => listen(port, '127.0.0.1');
});

process.stdin.resume().on('end', () => process.exit(0));

export default cds.server;
