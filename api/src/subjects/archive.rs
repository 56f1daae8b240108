//! All of a person's data as a ZIP archive (APPNOTE 6.3), written while it is sent: nothing of it touches the disk.

use crate::app::{App, location};
use crate::error::{Error, Result};
use crate::view::View;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use oz_blobs::Location;
use oz_domain::{FileRole, FolderId};
use oz_store::{AnyConn, Viewer, analyses, folders, media};
use std::io::{self, Write};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

/// Chunks that wait for a slow client.
const WAITING: usize = 8;

type Zip = ZipWriter<StreamWriter<Pipe>>;

/// The archive: for each folder its JSON, its media and the pictures that analyses made. An error cuts it off, so that no
/// part looks whole.
pub(crate) fn archive(
    app: App,
    permit: OwnedSemaphorePermit,
    viewer: Viewer,
    ids: Vec<FolderId>,
    view: View,
) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    let (send, receive) = mpsc::channel(WAITING);
    let runtime = Handle::current();
    // Writing an archive blocks: on the client, on the disk.
    tokio::task::spawn_blocking(move || {
        let _held = permit;
        let mut zip = ZipWriter::new_stream(Pipe(send.clone()));
        let written = ids
            .iter()
            .try_for_each(|id| folder(&app, &runtime, &mut zip, viewer, *id, &view))
            .and_then(|()| zip.finish().map_err(io::Error::other))
            .map(drop);
        if let Err(error) = written {
            tracing::warn!(%error, "the archive of a data subject broke off");
            let _ = send.blocking_send(Err(io::Error::other("the archive cannot be completed")));
        }
    });
    futures_util::stream::unfold(receive, |mut receive| async { receive.recv().await.map(|chunk| (chunk, receive)) })
}

/// Hands what is written to the answer.
struct Pipe(mpsc::Sender<io::Result<Bytes>>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client went away");
        self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes))).map_err(gone)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Names in the archive and where the contents lie.
struct Contents {
    json: Vec<u8>,
    files: Vec<(String, Location)>,
}

fn folder(app: &App, runtime: &Handle, zip: &mut Zip, viewer: Viewer, id: FolderId, view: &View) -> io::Result<()> {
    let view = view.clone();
    let read = app.db.read(move |conn| contents(conn, viewer, id, &view));
    let contents = match runtime.block_on(read) {
        // Deleted since it was found.
        Err(Error::Store(oz_store::Error::NotFound)) => return Ok(()),
        Err(error) => return Err(io::Error::other(format!("{error:?}"))),
        Ok(contents) => contents,
    };
    // Pictures and videos are packed already.
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file(format!("{id}/folder.json"), options).map_err(io::Error::other)?;
    zip.write_all(&contents.json)?;
    for (name, at) in contents.files {
        zip.start_file(format!("{id}/{name}"), options.large_file(true)).map_err(io::Error::other)?;
        let mut stream = Box::pin(runtime.block_on(app.blobs.stream(&at, 0, u64::MAX)).map_err(io::Error::other)?);
        while let Some(chunk) = runtime.block_on(stream.next()) {
            zip.write_all(&chunk.map_err(io::Error::other)?)?;
        }
    }
    Ok(())
}

fn contents(conn: &mut AnyConn, viewer: Viewer, id: FolderId, view: &View) -> Result<Contents> {
    let row = folders::get(conn, viewer, id)?;
    let found = media::of_folders(conn, &[id])?;
    let judged = analyses::of_folders(conn, &[id], &analyses::Filter::default())?;
    let json = serde_json::to_vec_pretty(&view.folder(&row, &found, Some(&judged))).unwrap_or_default();
    let mut files = Vec::new();
    for medium in &found {
        if let Some(file) = medium.file(FileRole::Original) {
            let name = format!("{}.{}", medium.media.id, crate::view::extension(&file.mime));
            files.push((name, location(conn, file.blob_id)?));
        }
    }
    for image in judged.iter().flat_map(|a| &a.images) {
        files.push((format!("{}_{}.jpg", image.id, image.kind), location(conn, image.blob_id)?));
    }
    Ok(Contents { json, files })
}
