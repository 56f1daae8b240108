//! Windows that last, windows that begin anew, and counts that are never lost.

use crate::support::{NOW, at, open};
use oz_store::Error;
use oz_store::counters::{Window, clear, get, hit, sweep};
use oz_testkit::both_databases;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

both_databases! {
    async fn a_fixed_window_ends_after_its_first_count_a_sliding_one_after_its_last(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            for (time, count) in [(0, 1), (600, 2), (999, 3), (1000, 1), (1500, 2)] {
                let counter = hit(c, "fixed", at(time), Window::Fixed(SECOND))?;
                let start = if time < 1000 { NOW } else { at(1000) };
                assert_eq!((counter.count, counter.time_started), (count, start), "{time}");
                assert_eq!(counter.time_expires, start.plus(SECOND));
            }
            for (time, count) in [(0, 1), (600, 2), (1200, 3), (2200, 1)] {
                let counter = hit(c, "sliding", at(time), Window::Sliding(SECOND))?;
                assert_eq!((counter.count, counter.time_started), (count, at(time)));
                assert_eq!(counter.time_expires, at(time).plus(SECOND));
            }
            let names = |c: &mut _, now| {
                let mut names: Vec<String> = get(c, &["fixed", "sliding", "none"], now)?.into_iter().map(|c| c.name).collect();
                names.sort();
                Ok::<_, Error>(names)
            };
            assert_eq!(names(c, at(1999))?, ["fixed", "sliding"]);
            assert_eq!(names(c, at(2000))?, ["sliding"]);
            assert_eq!(sweep(c, at(2000))?, 1);
            clear(c, &["sliding"])?;
            assert_eq!(names(c, at(0))?, Vec::<String>::new());
            Ok::<_, Error>(())
        }).await.unwrap();
    }

    async fn many_at_once_lose_no_count(database: TestDatabase) {
        let db = open(&database).await;
        let hits: Vec<_> = (0..40).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.statement(|c| hit(c, "one", NOW, Window::Fixed(SECOND))).await })
        }).collect();
        let mut counts = Vec::new();
        for hit in hits {
            counts.push(hit.await.unwrap().unwrap().count);
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=40).collect::<Vec<i64>>());
    }
}
