//! Lists of folders: the query that must stay fast over a million rows.
//!
//! A page is found in two steps: the ids of its rows, in order, from an index; then the rows. With a metadata equality
//! the index over the texts drives, because it carries the order too; otherwise one of the folders' own. By time of the
//! last change, which the texts do not carry, a rare text drives and its few folders are sorted; of a common one the next
//! folder is never far in the order of the folders' own index.

use crate::folders::Folder;
use crate::metadata::index_form;
use crate::schema::folders;
use crate::statement::Statement;
use crate::{AnyConn, Cursor, Listed, Page, Result, Sort, SortBy, TimeRange, Viewer};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Text};
use oz_domain::{CompanyId, FolderId, Resolution, Status, UserId};
use std::collections::HashMap;

/// Which folders are asked for. Empty lists and open ranges ask for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these.
    pub ids: Vec<FolderId>,
    /// Only of these companies.
    pub companies: Vec<CompanyId>,
    /// Only of these owners.
    pub users: Vec<UserId>,
    /// Made in this time.
    pub created: TimeRange,
    /// Last changed in this time.
    pub updated: TimeRange,
    /// Only with one of these; verdicts (SUCCESS, DECLINED, OPERATOR_REQUIRED) are looked up in `system_resolution`, as
    /// older clients mean them (`oz-api.md` 14).
    pub resolution_status: Vec<Status>,
    /// Only with one of these system resolutions.
    pub system_resolution: Vec<Status>,
    /// Only those that an operator decided so.
    pub operator_status: Vec<Resolution>,
    /// Only with an analysis that shows one of these.
    pub analysis_status: Vec<Status>,
    /// All of these hold.
    pub metadata: Vec<MetadataMatch>,
}

/// A condition on one key of the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataMatch {
    /// The key; of nested objects joined by dots.
    pub key: String,
    /// The text ([`crate::metadata::scalars`] tells how values are written).
    pub value: String,
    /// `==`; otherwise `!=`, which also holds for folders without the key.
    pub equal: bool,
}

/// The columns that a page is read from: those of the folders, or of the metadata index.
struct Columns {
    id: &'static str,
    created: &'static str,
    company: &'static str,
    user: &'static str,
}

/// Whether the statement may name the index to use.
///
/// SQLite, once it has statistics, likes to skip over the leading column of a narrower index when that has few values,
/// and then has to sort; PostgreSQL plans these well and has no hints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hints {
    Given,
    None,
}

impl Hints {
    fn of(conn: &AnyConn) -> Self {
        match conn {
            AnyConn::Sqlite(_) => Self::Given,
            AnyConn::Pg(_) => Self::None,
        }
    }

    /// The index over the metadata that begins with what the viewer may see.
    fn metadata(self, viewer: Viewer) -> &'static str {
        match (self, viewer) {
            (Self::None, _) => "",
            (Self::Given, Viewer::All | Viewer::Nobody) => " INDEXED BY folder_metadata__key__value",
            (Self::Given, Viewer::Company(_)) => " INDEXED BY folder_metadata__company_id__key__value",
            (Self::Given, Viewer::Own { .. }) => " INDEXED BY folder_metadata__user_id__key__value",
        }
    }
}

const FOLDERS: Columns = Columns { id: "f.id", created: "f.time_created", company: "f.company_id", user: "f.user_id" };
const INDEX: Columns =
    Columns { id: "m.folder_id", created: "m.time_created", company: "m.company_id", user: "m.user_id" };

/// Folders with one text that are rather sorted than looked for in order.
const FEW: i64 = 5_000;

/// What a page or a count is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The folders' own indexes.
    Folders,
    /// The metadata index, at this condition of the filter.
    Metadata(usize),
    /// As `Metadata`, joined with the folders.
    Joined(usize),
}

impl Source {
    const fn columns(self) -> &'static Columns {
        match self {
            Self::Folders => &FOLDERS,
            Self::Metadata(_) | Self::Joined(_) => &INDEX,
        }
    }

    const fn driver(self) -> Option<usize> {
        match self {
            Self::Folders => None,
            Self::Metadata(i) | Self::Joined(i) => Some(i),
        }
    }
}

impl Filter {
    /// The order when none is asked for: newest first, by the time that the filter speaks of.
    fn default_sort(&self) -> Sort {
        if self.created.is_any() && !self.updated.is_any() {
            Sort { by: SortBy::Updated, descending: true }
        } else {
            Sort::NEWEST
        }
    }

    /// Someone who sees all and asks for one company is served by that company's indexes.
    fn narrowed(&self, viewer: Viewer) -> Viewer {
        match (viewer, self.companies.as_slice()) {
            (Viewer::All, [company]) => Viewer::Company(*company),
            _ => viewer,
        }
    }

    /// The equality whose index can drive.
    fn equality(&self) -> Option<usize> {
        self.metadata.iter().position(|m| m.equal)
    }

    /// What a page in this order is read from.
    fn source(&self, conn: &mut AnyConn, viewer: Viewer, by: SortBy) -> Result<Source> {
        let Some(i) = self.equality() else { return Ok(Source::Folders) };
        if by == SortBy::Created {
            return Ok(Source::Metadata(i));
        }
        let found: i64 = at_most(Hints::of(conn), viewer, self, i, FEW + 1).get_result(conn)?;
        Ok(if found > FEW { Source::Folders } else { Source::Joined(i) })
    }
}

/// Folders that the viewer may see and that match, a page of them.
///
/// # Errors
/// [`crate::Error::Cursor`] for a cursor of another order.
pub fn list(conn: &mut AnyConn, viewer: Viewer, filter: &Filter, page: &Page) -> Result<Listed<Folder>> {
    let sort = page.order(filter.default_sort())?;
    if viewer == Viewer::Nobody {
        return Ok(Listed { items: Vec::new(), next: None, total: page.total.then_some(0) });
    }
    let viewer = filter.narrowed(viewer);
    let source = filter.source(conn, viewer, sort.by)?;
    let found: Vec<(String, i64)> = ids(Hints::of(conn), viewer, filter, page, (sort, source), "").load(conn)?;
    let total = if page.total { Some(count(Hints::of(conn), viewer, filter).get_result(conn)?) } else { None };
    let rows = rows(conn, &found)?;
    Ok(Listed::cut(rows, page, total, |folder| {
        let time = match sort.by {
            SortBy::Created => folder.time_created,
            SortBy::Updated => folder.time_updated,
        };
        Cursor { sort, time, id: folder.id.uuid() }
    }))
}

fn rows(conn: &mut AnyConn, found: &[(String, i64)]) -> Result<Vec<Folder>> {
    let rows: Vec<Folder> = folders::table
        .filter(folders::id.eq_any(found.iter().map(|(id, _)| id)))
        .select(Folder::as_select())
        .load(conn)?;
    let mut by_id: HashMap<String, Folder> = rows.into_iter().map(|row| (row.id.to_string(), row)).collect();
    Ok(found.iter().filter_map(|(id, _)| by_id.remove(id)).collect())
}

/// `SELECT id, time` of a page and one row more, in order.
fn ids(
    hints: Hints,
    viewer: Viewer,
    filter: &Filter,
    page: &Page,
    (sort, source): (Sort, Source),
    explain: &'static str,
) -> Statement<(Text, BigInt)> {
    let mut s = Statement::new(explain);
    let (from, time, id) = match (source, sort.by) {
        (Source::Metadata(_), _) => {
            ("SELECT m.folder_id, m.time_created FROM folder_metadata m", "m.time_created", "m.folder_id")
        }
        (Source::Joined(_), _) => ("SELECT f.id, f.time_updated FROM folder_metadata m", "f.time_updated", "f.id"),
        (Source::Folders, SortBy::Created) => ("SELECT f.id, f.time_created FROM folders f", "f.time_created", "f.id"),
        (Source::Folders, SortBy::Updated) => ("SELECT f.id, f.time_updated FROM folders f", "f.time_updated", "f.id"),
    };
    s.sql(from);
    if source != Source::Folders {
        s.sql(hints.metadata(viewer));
    }
    if matches!(source, Source::Joined(_)) {
        // SQLite keeps the order of a cross join; PostgreSQL knows better by itself, and its cross join takes no `ON`.
        s.sql(if hints == Hints::Given { " CROSS JOIN folders f" } else { " JOIN folders f" });
        s.sql(" ON f.id = m.folder_id");
    }
    conditions(&mut s, viewer, filter, source);
    if let Some(after) = page.after {
        // Compared as a row, so that one index range answers it, however many rows share a time.
        s.sql(" AND (").sql(time).sql(", ").sql(id).sql(if sort.descending { ") < (" } else { ") > (" });
        s.int(after.time.get()).sql(", ").text(FolderId::from_uuid(after.id)).sql(")");
    }
    let direction = if sort.descending { " DESC" } else { " ASC" };
    s.sql(" ORDER BY ").sql(time).sql(direction).sql(", ").sql(id).sql(direction);
    s.sql(" LIMIT ").int(page.rows() + 1).sql(" OFFSET ").int(i64::from(page.offset));
    s
}

fn count(hints: Hints, viewer: Viewer, filter: &Filter) -> Statement<BigInt> {
    let source = filter.equality().map_or(Source::Folders, Source::Metadata);
    let mut s = Statement::new(match source {
        Source::Folders => "SELECT count(*) FROM folders f",
        Source::Metadata(_) | Source::Joined(_) => "SELECT count(*) FROM folder_metadata m",
    });
    if source != Source::Folders {
        s.sql(hints.metadata(viewer));
    }
    conditions(&mut s, viewer, filter, source);
    s
}

/// How many folders of the viewer have the text of one condition, as far as `limit`.
fn at_most(hints: Hints, viewer: Viewer, filter: &Filter, driver: usize, limit: i64) -> Statement<BigInt> {
    let mut s = Statement::new("SELECT count(*) FROM (SELECT 1 FROM folder_metadata m");
    s.sql(hints.metadata(viewer)).sql(" WHERE 1 = 1");
    driving(&mut s, viewer, filter, Source::Metadata(driver));
    s.sql(" LIMIT ").int(limit).sql(") few");
    s
}

/// Everything after `FROM`: what the driving table knows itself, then the rest.
fn conditions<ST>(s: &mut Statement<ST>, viewer: Viewer, filter: &Filter, source: Source) {
    let driver = source.driver();
    let columns = source.columns();
    s.sql(" WHERE 1 = 1");
    driving(s, viewer, filter, source);
    s.any_of(" AND ", columns.id, &filter.ids);
    s.any_of(" AND ", columns.company, &filter.companies);
    s.any_of(" AND ", columns.user, &filter.users);
    range(s, columns.created, filter.created);
    for (i, m) in filter.metadata.iter().enumerate() {
        if Some(i) != driver {
            metadata(s, columns.id, m);
        }
    }
    analysis_status(s, columns.id, &filter.analysis_status);
    if !matches!(source, Source::Metadata(_)) {
        own_columns(s, filter);
    } else if filter.needs_folder() {
        s.sql(" AND EXISTS (SELECT 1 FROM folders f WHERE f.id = m.folder_id");
        own_columns(s, filter);
        s.sql(")");
    }
}

/// The conditions that an index begins with: the text, and what the viewer may see.
fn driving<ST>(s: &mut Statement<ST>, viewer: Viewer, filter: &Filter, source: Source) {
    let columns = source.columns();
    if let Some(m) = source.driver().and_then(|i| filter.metadata.get(i)) {
        s.sql(" AND m.key = ").text(index_form(&m.key)).sql(" AND m.value = ").text(index_form(&m.value));
    }
    match viewer {
        Viewer::All | Viewer::Nobody => {}
        Viewer::Company(company) => {
            s.sql(" AND ").sql(columns.company).sql(" = ").text(company);
        }
        Viewer::Own { company, user } => {
            s.sql(" AND ").sql(columns.user).sql(" = ").text(user);
            s.sql(" AND ").sql(columns.company).sql(" = ").text(company);
        }
    }
}

impl Filter {
    fn needs_folder(&self) -> bool {
        let statuses = [&self.resolution_status, &self.system_resolution];
        !self.updated.is_any() || statuses.iter().any(|s| !s.is_empty()) || !self.operator_status.is_empty()
    }
}

/// Conditions on columns that only the folders have.
fn own_columns<ST>(s: &mut Statement<ST>, filter: &Filter) {
    range(s, "f.time_updated", filter.updated);
    let (verdicts, progress): (Vec<Status>, Vec<Status>) = filter
        .resolution_status
        .iter()
        .partition(|s| matches!(s, Status::Success | Status::Declined | Status::OperatorRequired));
    match (progress.is_empty(), verdicts.is_empty()) {
        (true, true) => {}
        (false, true) => {
            s.any_of(" AND ", "f.resolution_status", &progress);
        }
        (true, false) => {
            s.any_of(" AND ", "f.system_resolution", &verdicts);
        }
        (false, false) => {
            s.any_of(" AND (", "f.resolution_status", &progress);
            s.any_of(" OR ", "f.system_resolution", &verdicts).sql(")");
        }
    }
    s.any_of(" AND ", "f.system_resolution", &filter.system_resolution);
    s.any_of(" AND ", "f.operator_status", &filter.operator_status);
}

fn range<ST>(s: &mut Statement<ST>, column: &'static str, range: TimeRange) {
    if let Some(min) = range.min {
        s.sql(" AND ").sql(column).sql(" >= ").int(min.get());
    }
    if let Some(max) = range.max {
        s.sql(" AND ").sql(column).sql(" <= ").int(max.get());
    }
}

fn metadata<ST>(s: &mut Statement<ST>, id: &'static str, m: &MetadataMatch) {
    s.sql(if m.equal { " AND EXISTS (" } else { " AND NOT EXISTS (" });
    s.sql("SELECT 1 FROM folder_metadata x WHERE x.folder_id = ").sql(id);
    s.sql(" AND x.key = ").text(index_form(&m.key)).sql(" AND x.value = ").text(index_form(&m.value)).sql(")");
}

fn analysis_status<ST>(s: &mut Statement<ST>, id: &'static str, statuses: &[Status]) {
    if statuses.is_empty() {
        return;
    }
    s.sql(" AND EXISTS (SELECT 1 FROM analyses a WHERE a.folder_id = ").sql(id).sql(" AND (1 = 0");
    for status in statuses {
        match status {
            Status::Processing | Status::Failed => {
                s.sql(" OR a.state = ").text(status);
            }
            Status::Success | Status::Declined | Status::OperatorRequired => {
                s.sql(" OR (a.state = 'FINISHED' AND COALESCE(a.operator_resolution, a.resolution) = ")
                    .text(status)
                    .sql(")");
            }
            // No analysis shows these.
            Status::Initial | Status::Finished => {}
        }
    }
    s.sql("))");
}

/// The database's own plan for finding the ids of a page, as text: for tests that an index is used.
///
/// # Errors
/// Of the database only.
pub fn explain(conn: &mut AnyConn, viewer: Viewer, filter: &Filter, page: &Page) -> Result<String> {
    let sort = page.order(filter.default_sort())?;
    let order = (sort, filter.source(conn, viewer, sort.by)?);
    if matches!(conn, AnyConn::Pg(_)) {
        let lines: Vec<String> =
            ids(Hints::of(conn), viewer, filter, page, order, "EXPLAIN ").rows_as::<Text>().load(conn)?;
        return Ok(lines.join("\n"));
    }
    let lines: Vec<(i32, i32, i32, String)> = ids(Hints::of(conn), viewer, filter, page, order, "EXPLAIN QUERY PLAN ")
        .rows_as::<(Integer, Integer, Integer, Text)>()
        .load(conn)?;
    Ok(lines.into_iter().map(|line| line.3).collect::<Vec<_>>().join("\n"))
}
