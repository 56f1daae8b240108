//! `oz-api admin company …`.

use super::{Desk, pages, told};
use crate::accounts::companies as rules;
use crate::cli::CompanyAction;
use crate::error::Error;
use crate::view::View;
use oz_domain::CompanyId;
use oz_store::{Page, Viewer, companies};
use oz_wire::CompanyBody;

pub(super) async fn run(desk: &mut Desk<'_>, action: CompanyAction) -> anyhow::Result<()> {
    let hand = desk.hand.clone();
    match action {
        CompanyAction::Create { name } => {
            let body = CompanyBody { name: Some(name), meta_data: None };
            let made = desk.db.write(move |conn| rules::create(conn, &hand, &body)).await.map_err(told)?;
            desk.line(&[&made.id])
        }
        CompanyAction::List { search } => list(desk, search).await,
        CompanyAction::Show { company_id } => show(desk, company_id).await,
        CompanyAction::Rename { company_id, name } => {
            let body = CompanyBody { name: Some(name), meta_data: None };
            desk.db.write(move |conn| rules::change(conn, &hand, company_id, &body)).await.map_err(told)?;
            Ok(())
        }
        CompanyAction::Delete { company_id } => {
            desk.db.write(move |conn| rules::close(conn, &hand, company_id)).await.map_err(told)?;
            show(desk, company_id).await
        }
    }
}

async fn list(desk: &mut Desk<'_>, search: Option<String>) -> anyhow::Result<()> {
    let mut page = pages();
    loop {
        let text = search.clone();
        let found = desk.db.read(move |conn| companies::list(conn, Viewer::All, text.as_deref(), &page)).await?;
        for company in &found.items {
            let state = if company.in_deletion { "in deletion" } else { "" };
            desk.line(&[&company.id, &company.name, &state])?;
        }
        let Some(next) = found.next else { return Ok(()) };
        page = Page { after: Some(next), ..page };
    }
}

async fn show(desk: &mut Desk<'_>, id: CompanyId) -> anyhow::Result<()> {
    let (company, left) = desk
        .db
        .read(move |conn| Ok::<_, Error>((companies::get(conn, Viewer::All, id)?, companies::left(conn, id)?)))
        .await
        .map_err(told)?;
    let view = View::plain(false);
    desk.json(&serde_json::to_value(view.company(&company, Some(left).filter(|_| company.in_deletion)))?)
}
