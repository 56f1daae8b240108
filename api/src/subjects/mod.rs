//! Data subjects (decision 44): all that is kept of one person in a company, found, given out, erased.
//!
//! A person is known by what clients write into a folder's data: `iin` or `end_user_id`, at the top or in `person_info`.

mod archive;

pub(crate) use archive::archive;

use crate::audit::Deed;
use crate::error::{Error, Result};
use crate::hand::Hand;
use oz_domain::{Action, CompanyId, FolderId, Object};
use oz_store::audit::destroy_subject_key;
use oz_store::blobs::DeadBlob;
use oz_store::folder_list::{self, MetadataMatch};
use oz_store::folders::Folder;
use oz_store::metadata::{END_USER_ID, IIN};
use oz_store::{AnyConn, MAX_LIMIT, Page, Viewer, folders, metadata};
use oz_wire::{Code, PayloadError, SubjectRequest};
use std::collections::BTreeMap;

/// Longest value in characters.
const VALUE: usize = 256;

/// Whose data are meant.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    key: &'static str,
    value: String,
    companies: Vec<CompanyId>,
}

impl Subject {
    /// Reads the request: exactly one of the keys. Whoever reaches all companies must say which one is meant: two of them may
    /// use the same number for two persons.
    pub(crate) fn of(request: SubjectRequest, viewer: Viewer) -> Result<Self> {
        if viewer == Viewer::All && request.company_id.is_none() {
            return Err(PayloadError::missing("company_id").into());
        }
        let (key, value) = match (request.iin, request.end_user_id) {
            (Some(value), None) => (IIN, value),
            (None, Some(value)) => (END_USER_ID, value),
            (None, None) => return Err(PayloadError::missing("iin").into()),
            (Some(_), Some(_)) => return Err(Error::value("iin", "both", "either iin or end_user_id")),
        };
        let value = value.trim().to_owned();
        let length = value.chars().count();
        if length == 0 || length > VALUE {
            // Not repeated: it names a person.
            return Err(Error::value(key, &format!("{length} characters"), "1 to 256 characters"));
        }
        Ok(Self { key, value, companies: request.company_id.into_iter().collect() })
    }

    /// Every folder of the subject that the viewer reaches, with its company.
    pub(crate) fn folders(&self, conn: &mut AnyConn, viewer: Viewer) -> Result<BTreeMap<FolderId, CompanyId>> {
        let mut found = BTreeMap::new();
        for key in metadata::places_of(self.key) {
            let same = MetadataMatch { key, value: self.value.clone(), equal: true };
            let filter = folder_list::Filter {
                companies: self.companies.clone(),
                metadata: vec![same],
                ..folder_list::Filter::default()
            };
            let mut page = Page { limit: MAX_LIMIT, ..Page::default() };
            loop {
                let part = folder_list::list(conn, viewer, &filter, &page)?;
                found.extend(part.items.iter().map(|f| (f.id, f.company_id)));
                let Some(next) = part.next else { break };
                page.after = Some(next);
            }
        }
        Ok(found)
    }
}

/// Erases a person's data from a folder, and what the audit log says of it, in the caller's transaction. Gives the files
/// to remove before anybody is told that they are gone.
pub(crate) fn erase_folder(conn: &mut AnyConn, hand: &Hand, viewer: Viewer, id: FolderId) -> Result<Vec<DeadBlob>> {
    let company = folders::get(conn, viewer, id)?.company_id;
    let dead = folders::clean(conn, viewer, id, hand.now)?;
    destroy_subject_key(conn, company, &id.to_string(), hand.now)?;
    hand.note(conn, Deed::new(Object::Folder, Action::ErasePi, id, company))?;
    Ok(dead)
}

/// The folder, if it still takes something: of a person who was erased nothing more is kept.
///
/// # Errors
/// Code 1520 when the person's data were erased.
pub(crate) fn open_folder(conn: &mut AnyConn, viewer: Viewer, id: FolderId) -> Result<Folder> {
    let folder = folders::get(conn, viewer, id)?;
    if folder.is_cleaned {
        return Err(Error::new(Code::Conflict, "personal data of this folder were erased: it takes no more"));
    }
    Ok(folder)
}
