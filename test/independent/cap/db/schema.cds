entity Assignments {
  key id        : String(128);
      territory : String(100);
      owner     : String(200);
      validFrom : Date;
      quota     : Decimal(15, 2);
      note      : String(200);
      // For a suite that asks every protocol the same.
      region    : String(80);
      text      : String(200);
      number    : Double;
      large     : Double;
      yes       : Boolean;
      none      : String(80);
      // A UUID and not a timestamp, which can repeat within a millisecond. It must have no default of its own: CAP
      // gives it a new value with every write, and refuses a write whose If-Match names another one.
      version   : UUID @odata.etag;
}

// Every committed write, recorded within its own transaction: what was rolled back is not here.
entity Commits {
  key seq        : Integer64;
      writer     : String(80);
      operation  : String(10);
      assignment : String(128);
      ifMatch    : String(400);
      sent       : LargeString;
      before     : LargeString;
      after      : LargeString;
}
