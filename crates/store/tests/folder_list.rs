//! Lists against a naive model: the same folders, filtered and sorted in memory.

use crate::support::{NOW, analysis_row, at, company, folder_row, open, user};
use oz_domain::{CompanyId, GroupId, Resolution, Status, UserId};
use oz_store::analyses::{self, Outcome};
use oz_store::folder_list::{Filter, MetadataMatch, list};
use oz_store::folders::{self, Folder};
use oz_store::metadata::{Change, Owner, scalars};
use oz_store::{AnyConn, Cursor, Db, Error, Page, Sort, SortBy, TimeRange, Viewer, metadata};
use oz_testkit::both_databases;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Seed {
    owner: usize,
    created: i64,
    updated: i64,
    a: Option<u8>,
    b: Option<u8>,
    ends: Vec<Option<Resolution>>,
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let end = prop::option::of(prop::sample::select(Resolution::ALL));
    let one = (
        0..3usize,
        0..12i64,
        0..12i64,
        prop::option::of(0..3u8),
        prop::option::of(0..2u8),
        prop::collection::vec(end, 0..3),
    )
        .prop_map(|(owner, created, updated, a, b, ends)| Seed { owner, created, updated, a, b, ends });
    prop::collection::vec(one, 40..60)
}

fn range() -> impl Strategy<Value = TimeRange> {
    let time = || prop::option::weighted(0.3, (0..12i64).prop_map(at));
    (time(), time()).prop_map(|(min, max)| TimeRange { min, max })
}

fn filters() -> impl Strategy<Value = (Filter, usize, Page)> {
    let status = || prop::collection::vec(prop::sample::select(Status::ALL), 0..2);
    let metadata = (prop::bool::ANY, 0..3u8, prop::bool::weighted(0.7)).prop_map(|(first, n, equal)| {
        let (key, value) = if first { ("a".to_owned(), n.to_string()) } else { ("deep.b".to_owned(), format!("v{n}")) };
        MetadataMatch { key, value, equal }
    });
    let sort = (prop::bool::ANY, prop::bool::ANY)
        .prop_map(|(c, descending)| Sort { by: if c { SortBy::Created } else { SortBy::Updated }, descending });
    let page = (1..20u32, 0..5u32, prop::option::weighted(0.7, sort)).prop_map(|(limit, offset, sort)| Page {
        limit,
        offset,
        after: None,
        sort,
        total: true,
    });
    (range(), range(), status(), status(), prop::collection::vec(metadata, 0..3), 0..6usize, page).prop_map(
        |(created, updated, resolution_status, analysis_status, metadata, viewer, page)| {
            (
                Filter { created, updated, resolution_status, analysis_status, metadata, ..Filter::default() },
                viewer,
                page,
            )
        },
    )
}

struct World {
    companies: [CompanyId; 2],
    owners: [(CompanyId, UserId); 3],
    /// Every folder, and what its analyses show.
    folders: Vec<(Folder, Vec<Status>)>,
}

fn build(conn: &mut AnyConn, seeds: &[Seed]) -> oz_store::Result<World> {
    let companies = [company(conn)?, company(conn)?];
    let mut owners = [(companies[0], user(conn, companies[0])?); 3];
    owners[1].1 = user(conn, companies[0])?;
    owners[2] = (companies[1], user(conn, companies[1])?);
    let mut found = Vec::new();
    for seed in seeds {
        let (company, user) = owners[seed.owner];
        let mut folder = folder_row(company, user, at(seed.created), json!({"old": "x"}));
        folder.time_updated = at(0);
        folders::insert(conn, &folder)?;
        let mut statuses = Vec::new();
        for (i, end) in (0..).zip(&seed.ends) {
            let row = analysis_row(&folder, GroupId::new(NOW), at(i), &[]);
            analyses::insert(conn, std::slice::from_ref(&row))?;
            if let Some(resolution) = end {
                let outcome = Outcome {
                    resolution: *resolution,
                    results_media: json!([]),
                    results_data: None,
                    model_pack: None,
                    images: vec![],
                };
                analyses::finish(conn, row.analysis.id, &outcome, at(0))?;
            }
            statuses.push(analyses::get(conn, Viewer::All, row.analysis.id)?.analysis.status());
        }
        let mut meta = serde_json::Map::new();
        if let Some(a) = seed.a {
            meta.insert("a".to_owned(), json!(a));
        }
        if let Some(b) = seed.b {
            meta.insert("deep".to_owned(), json!({ "b": format!("v{b}") }));
        }
        metadata::change(conn, Viewer::All, Owner::Folder(folder.id), &Change::Replace(meta), at(seed.updated))?;
        found.push((folders::get(conn, Viewer::All, folder.id)?, statuses));
    }
    Ok(World { companies, owners, folders: found })
}

fn naive(world: &World, filter: &Filter, viewer: Viewer, sort: Sort) -> Vec<Folder> {
    let within =
        |range: TimeRange, time| range.min.is_none_or(|min| time >= min) && range.max.is_none_or(|max| time <= max);
    let mut rows: Vec<Folder> = world
        .folders
        .iter()
        .filter(|(f, shown)| {
            let seen = match viewer {
                Viewer::All => true,
                Viewer::Company(company) => f.company_id == company,
                Viewer::Own { company, user } => f.company_id == company && f.user_id == Some(user),
                Viewer::Nobody => false,
            };
            let texts = scalars(&f.meta_data);
            seen && within(filter.created, f.time_created)
                && within(filter.updated, f.time_updated)
                && (filter.resolution_status.is_empty()
                    || filter.resolution_status.iter().any(|s| match s {
                        Status::Success | Status::Declined | Status::OperatorRequired => f.system_resolution == *s,
                        _ => f.resolution_status == *s,
                    }))
                && (filter.analysis_status.is_empty() || filter.analysis_status.iter().any(|s| shown.contains(s)))
                && filter.metadata.iter().all(|m| texts.contains(&(m.key.clone(), m.value.clone())) == m.equal)
        })
        .map(|(f, _)| f.clone())
        .collect();
    rows.sort_by_key(|f| (if sort.by == SortBy::Created { f.time_created } else { f.time_updated }, f.id));
    if sort.descending {
        rows.reverse();
    }
    rows
}

async fn compare(db: &Db, world: std::sync::Arc<World>, filter: Filter, viewer: usize, page: Page) {
    let viewer = match viewer {
        0 => Viewer::All,
        1 => Viewer::Company(world.companies[0]),
        2 => Viewer::Company(world.companies[1]),
        3 | 4 => Viewer::Own { company: world.owners[viewer - 3].0, user: world.owners[viewer - 3].1 },
        _ => Viewer::Nobody,
    };
    db.read(move |conn| {
        let by_update = page.sort.is_none() && filter.created == TimeRange::ANY && filter.updated != TimeRange::ANY;
        let sort = page
            .sort
            .unwrap_or(Sort { by: if by_update { SortBy::Updated } else { SortBy::Created }, descending: true });
        let expected = naive(&world, &filter, viewer, sort);
        // The world is not alone in its database: other worlds of other companies lie beside it.
        let company = world.companies.to_vec();
        let filter = Filter { companies: company, ..filter };
        // Page by page through the whole list by cursor, from an offset.
        let mut page = page;
        let mut got = Vec::new();
        loop {
            let listed = list(conn, viewer, &filter, &page)?;
            assert_eq!(listed.total, Some(i64::try_from(expected.len()).unwrap()), "{filter:?}");
            assert!(listed.items.len() <= page.limit as usize);
            got.extend(listed.items);
            let Some(next) = listed.next else { break };
            let text = next.to_string();
            page = Page { after: Some(text.parse::<Cursor>()?), offset: 0, ..page };
        }
        let skipped = expected.len().min(if got.len() == expected.len() { 0 } else { expected.len() - got.len() });
        assert_eq!(got, expected[skipped..], "{viewer:?} {filter:?} {page:?}");
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
}

both_databases! {
    async fn lists_are_what_a_naive_model_says(database: TestDatabase) {
        let db = open(&database).await;
        let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(20261123), ..Config::default() });
        for _ in 0..3 {
            let seeds = seeds().new_tree(&mut runner).unwrap().current();
            let world = std::sync::Arc::new(db.write(move |c| build(c, &seeds)).await.unwrap());
            for _ in 0..100 {
                let (filter, viewer, page) = filters().new_tree(&mut runner).unwrap().current();
                compare(&db, world.clone(), filter, viewer, page).await;
            }
        }
    }

    async fn the_index_follows_the_metadata(database: TestDatabase) {
        let db = open(&database).await;
        db.write(|c| {
            let company = company(c)?;
            let user = user(c, company)?;
            let folder = folder_row(company, user, NOW, json!({"iin": "1", "keep": "x"}));
            folders::insert(c, &folder)?;
            let has = |c: &mut AnyConn, key: &str, value: &str, equal| {
                let matched = MetadataMatch { key: key.to_owned(), value: value.to_owned(), equal };
                let filter = Filter { metadata: vec![matched], ..Filter::default() };
                list(c, Viewer::Own { company, user }, &filter, &Page::default()).map(|l| l.items.len() == 1)
            };
            let object = |v: Value| v.as_object().cloned().unwrap();
            assert!(has(c, "iin", "1", true)?);
            metadata::change(c, Viewer::All, Owner::Folder(folder.id), &Change::Merge(object(json!({"iin": 2, "n": {"m": true}}))), at(1))?;
            assert!(!has(c, "iin", "1", true)? && has(c, "iin", "2", true)? && has(c, "keep", "x", true)? && has(c, "n.m", "true", true)?);
            assert!(has(c, "iin", "1", false)? && !has(c, "iin", "2", false)? && has(c, "missing", "1", false)?);
            let long = "ü".repeat(3000);
            metadata::change(c, Viewer::All, Owner::Folder(folder.id), &Change::Replace(object(json!({"long": long}))), at(2))?;
            assert!(has(c, "long", &long, true)? && !has(c, "keep", "x", true)?);
            assert_eq!(metadata::get(c, Viewer::All, Owner::Folder(folder.id))?, json!({"long": long}));
            folders::clean(c, Viewer::All, folder.id, at(3))?;
            assert!(!has(c, "long", &long, true)?);
            assert_eq!(metadata::get(c, Viewer::All, Owner::Folder(folder.id))?, json!({}));
            Ok::<_, Error>(())
        }).await.unwrap();
    }
}
