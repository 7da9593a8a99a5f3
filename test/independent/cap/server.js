/** What CAP's own server leaves open: this one listens on this machine only, and does not outlive who started it. */
import cov2ap from '@cap-js-community/odata-v2-adapter';
import cds from '@sap/cds';

// Every service in OData V2 too, below `/odata/v2`: the adapter translates in front of V4.
cds.on('bootstrap', (app) => void app.use(cov2ap.singleton()));

cds.on('bootstrap', (app) => {
  const listen = app.listen.bind(app);
  app.listen = (port) => listen(port, '127.0.0.1');
});

process.stdin.resume().on('end', () => process.exit(0));

export default cds.server;
