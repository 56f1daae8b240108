//! The pages that must stay fast are read from an index, in its order, on both databases.

use crate::support::{NOW, at, open};
use diesel::connection::SimpleConnection as _;
use oz_domain::{CompanyId, UserId};
use oz_store::folder_list::{Filter, MetadataMatch, explain, list};
use oz_store::{AnyConn, Db, Error, Page, Sort, SortBy, TimeRange, Viewer};
use oz_testkit::both_databases;

const COMPANY: &str = "00000000-0000-7000-8000-00000000c001";
const USER: &str = "00000000-0000-7000-8000-000000005e01";

/// Folders of 4 users in 2 companies, each with a common and a rare key.
async fn fill(db: &Db, folders: u32) {
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {folders})");
    const ID: &str = "substr('00000000-0000-7000-8000-000000000000', 1, 29) || substr('000000' || i, -7)";
    let hex = |prefix: &str, number: &str| format!("'00000000-0000-7000-8000-00000000{prefix}0' || ({number})");
    let company = hex("c0", "i % 2 + 1");
    let user = "'00000000-0000-7000-8000-000000005e' || substr('0' || (i % 4 + 1), -2)";
    let sql = format!(
        "INSERT INTO companies SELECT '00000000-0000-7000-8000-00000000c00' || i, 'c', NULL, '[]', FALSE, '{{}}', '{{}}', 0, 0
           FROM (SELECT 1 AS i UNION SELECT 2) x;
         {numbers} INSERT INTO users SELECT {user}, '{COMPANY}', 'e' || i, 'e' || i, 'local', NULL, 'CLIENT', '', '', '', TRUE, TRUE, TRUE,
           TRUE, TRUE, '{{}}', '{{}}', 0, 0 FROM n WHERE i <= 4;
         {numbers} INSERT INTO folders SELECT {ID}, {company}, {user}, 'INITIAL', 'INITIAL', NULL, NULL, NULL, FALSE, '{{}}', '{{}}',
           {now} + i, {now} + i FROM n;
         {numbers} INSERT INTO folder_metadata SELECT {ID}, 'channel', CASE WHEN i % 3 = 0 THEN 'web' ELSE 'app' END, {company}, {user},
           {now} + i FROM n;
         {numbers} INSERT INTO folder_metadata SELECT {ID}, 'transaction_id', 't' || i, {company}, {user}, {now} + i FROM n;
         ANALYZE;",
        now = NOW.get(),
    );
    db.write(move |c| {
        let sql = match c {
            // PostgreSQL's substr has no negative start.
            AnyConn::Pg(_) => sql
                .replace("substr('000000' || i, -7)", "right('000000' || i, 7)")
                .replace("substr('0' || (i % 4 + 1), -2)", "right('0' || (i % 4 + 1), 2)"),
            AnyConn::Sqlite(_) => sql.clone(),
        };
        Ok::<_, Error>(c.batch_execute(&sql)?)
    })
    .await
    .unwrap();
}

both_databases! {
    async fn pages_come_from_an_index(database: TestDatabase) {
        let db = open(&database).await;
        fill(&db, 20_000).await;
        let (company, user): (CompanyId, UserId) = (COMPANY.parse().unwrap(), USER.parse().unwrap());
        db.read(move |c| {
            let first = list(c, Viewer::All, &Filter::default(), &Page::default())?;
            let cursor = Page { after: first.next, ..Page::default() };
            assert_eq!(first.items.len(), 100);
            let updated = Page { sort: Some(Sort { by: SortBy::Updated, descending: false }), ..Page::default() };
            let range = Filter { created: TimeRange { min: Some(at(5000)), max: Some(at(15000)) }, ..Filter::default() };
            let changed = Filter { updated: range.created, ..Filter::default() };
            let meta = |value: &str| Filter {
                metadata: vec![MetadataMatch { key: "channel".to_owned(), value: value.to_owned(), equal: true }],
                ..Filter::default()
            };
            let rare = Filter {
                metadata: vec![MetadataMatch { key: "transaction_id".to_owned(), value: "t77".to_owned(), equal: true }],
                ..Filter::default()
            };
            let any = Filter::default();
            let own = Viewer::Own { company, user };
            for viewer in [Viewer::All, Viewer::Company(company), own] {
                for (what, filter, page) in [
                    ("first", &any, &Page::default()), ("cursor", &any, &cursor), ("updated", &any, &updated),
                    ("range", &range, &Page::default()), ("range and cursor", &range, &cursor), ("changed", &changed, &Page::default()),
                    ("rare by change", &rare, &updated), ("common by change", &meta("app"), &updated),
                    ("meta", &meta("web"), &Page::default()), ("meta and cursor", &meta("web"), &cursor), ("rare", &rare, &Page::default()),
                ] {
                    if what == "common by change" && viewer == own {
                        continue; // of one owner here even these are few
                    }
                    let plan = explain(c, viewer, filter, page)?;
                    let scans = plan.contains("Seq Scan") || plan.lines().any(|l| l.starts_with("SCAN") && !l.contains("INDEX"));
                    // A bounded number of rows may be sorted; a page of many must come in order.
                    let few = what.starts_with("rare");
                    let sorts = (plan.contains("Sort") || plan.contains("TEMP B-TREE")) && !few;
                    assert!(!scans && !sorts, "{what} of {viewer:?}:\n{plan}");
                    assert!(plan.contains("ndex") || plan.contains("INDEX"), "{what} of {viewer:?}:\n{plan}");
                }
            }
            // A rare text is looked up, not looked for folder by folder; both ways give the same.
            assert!(explain(c, Viewer::All, &rare, &updated)?.contains("folder_metadata__key__value"));
            let (web, app) = (meta("web"), meta("app"));
            for (filter, expected) in [(&rare, 1), (&web, 6_666), (&app, 13_334)] {
                let (mut page, mut seen) = (Page { limit: 1000, ..updated }, Vec::new());
                loop {
                    let listed = list(c, Viewer::All, filter, &page)?;
                    seen.extend(listed.items.iter().map(|f| (f.time_updated, f.id)));
                    let Some(next) = listed.next else { break };
                    page.after = Some(next);
                }
                assert!(seen.is_sorted() && seen.len() == expected, "{} of {expected}", seen.len());
            }
            assert_eq!(list(c, own, &rare, &Page::default())?.items.len(), 0);
            assert_eq!(list(c, Viewer::All, &rare, &Page { total: true, ..Page::default() })?.total, Some(1));
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
