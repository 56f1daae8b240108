//! A token used a moment ago is believed without asking the database (decision 9), however many sessions there are.

use crate::support::server::{CLIENT, Options, Server};
use diesel::PgConnection;
use diesel::prelude::*;
use oz_testkit::TestDatabase;
use std::sync::mpsc::channel;

/// More sessions than a day of a big bank.
const SESSIONS: &str = "INSERT INTO sessions (id, user_id, kind, family, rotated, time_created, time_seen, time_expires) \
    SELECT gen_random_uuid()::text, (SELECT id FROM users LIMIT 1), 'person', gen_random_uuid()::text, false, n, n, \
    4000000000000 FROM generate_series(1, 100000) n";

#[test]
fn a_hot_token_asks_no_database() {
    let database = TestDatabase::postgres();
    let server = Server::start_new(Options::on(&database).with("OZ_PROCESSING", "queue"));
    let mut other = PgConnection::establish(database.url()).expect("the database");
    assert_eq!(diesel::sql_query(SESSIONS).execute(&mut other).expect("sessions"), 100_000);
    let (hot, cold) = (server.client(), server.anonymous().log_in(CLIENT.0, CLIENT.1));
    hot.get("/api/config").expect(200);
    let locked = "BEGIN; LOCK TABLE sessions, users IN ACCESS EXCLUSIVE MODE";
    diesel::connection::SimpleConnection::batch_execute(&mut other, locked).expect("the lock");
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        // A token that was not used yet waits for the database: that shows that the lock holds.
        scope.spawn(|| tell.send(cold.get("/api/config").status));
        for _ in 0..100 {
            hot.get("/api/config").expect(200);
        }
        assert!(told.try_recv().is_err(), "the lock holds nobody");
        diesel::connection::SimpleConnection::batch_execute(&mut other, "ROLLBACK").expect("the end of the lock");
        assert_eq!(told.recv().expect("an answer"), 200);
    });
}
