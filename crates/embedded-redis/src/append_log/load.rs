use std::io::{self, Read};
use std::path::Path;

use bytes::BytesMut;

use super::file::{AppendFile, rewrite_path};
use super::frame::{FIRST_LINE, HEADER_BYTES, Header, find_frame};
use crate::db::Db;
use crate::error::StartError;
use crate::execute::replay;
use crate::wire::{RequestLimits, RequestParser};

/// Opens the append file, replays it and cuts a torn tail, so that the next frame can follow.
pub(crate) fn load(path: &Path) -> Result<(Db, AppendFile), StartError> {
    let mut file = AppendFile::open(path).map_err(|cause| match cause.kind() {
        io::ErrorKind::WouldBlock => StartError::InUse { path: path.into() },
        _ => read_error(path, cause),
    })?;
    remove_leftover(path)?;
    let mut db = Db::default();
    let size = file.size().map_err(|cause| read_error(path, cause))?;
    if is_new(&file, size)? {
        file.start().map_err(|cause| read_error(path, cause))?;
        return Ok((db, file));
    }
    let good = replay_frames(&file, size, &mut db)?;
    if good < size {
        refuse_damage_in_the_middle(&file, good)?;
        let (path, cut) = (path.display(), size - good);
        tracing::warn!(%path, kept = good, cut, "append file {path}: cut a torn tail of {cut} bytes");
    }
    file.cut_at(good).map_err(|cause| read_error(path, cause))?;
    tracing::info!(path = %path.display(), bytes = good, keys = db.len(), "append file loaded");
    Ok((db, file))
}

fn read_error(path: &Path, cause: io::Error) -> StartError {
    StartError::AppendFile {
        path: path.into(),
        cause,
    }
}

fn remove_leftover(path: &Path) -> Result<(), StartError> {
    match std::fs::remove_file(rewrite_path(path)) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(read_error(path, cause)),
        _ => Ok(()),
    }
}

/// True for an empty file and for one whose very first write was torn. Any other file without our
/// first line is somebody else's, and is left alone.
fn is_new(file: &AppendFile, size: u64) -> Result<bool, StartError> {
    let mut start = Vec::new();
    let reader = file
        .read_from(0)
        .map_err(|cause| read_error(file.path(), cause))?;
    let length = FIRST_LINE.len() as u64;
    reader
        .take(length)
        .read_to_end(&mut start)
        .map_err(|cause| read_error(file.path(), cause))?;
    if !FIRST_LINE.starts_with(&start) {
        return Err(StartError::NotAnAppendFile {
            path: file.path().into(),
        });
    }
    Ok(size < length)
}

/// Replays whole frames; returns the place of the first byte that belongs to none.
fn replay_frames(file: &AppendFile, size: u64, db: &mut Db) -> Result<u64, StartError> {
    let mut offset = FIRST_LINE.len() as u64;
    let mut reader = file
        .read_from(offset)
        .map_err(|cause| read_error(file.path(), cause))?;
    loop {
        let frame = read_frame(&mut reader, offset, size - offset);
        let Some(payload) = frame.map_err(|cause| read_error(file.path(), cause))? else {
            return Ok(offset);
        };
        let length = (HEADER_BYTES + payload.len()) as u64;
        replay_commands(db, payload).map_err(|reason| StartError::Command {
            path: file.path().into(),
            offset,
            reason,
        })?;
        offset += length;
    }
}

/// The next payload, or `None` where no whole frame follows.
fn read_frame(reader: &mut impl Read, offset: u64, left: u64) -> io::Result<Option<BytesMut>> {
    if left < HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut header = [0; HEADER_BYTES];
    reader.read_exact(&mut header)?;
    let Some(header) = Header::decode(&header) else {
        return Ok(None);
    };
    if u64::from(header.length) > left - HEADER_BYTES as u64 {
        return Ok(None);
    }
    let mut payload = BytesMut::zeroed(header.length as usize);
    reader.read_exact(&mut payload)?;
    Ok(header.fits(offset, &payload).then_some(payload))
}

fn replay_commands(db: &mut Db, mut payload: BytesMut) -> Result<(), String> {
    let mut parser = RequestParser::default();
    while let Some(request) = parser
        .next(&mut payload, RequestLimits::NONE)
        .map_err(|error| error.to_string())?
    {
        replay(db, &request).map_err(|refusal| refusal.to_string())?;
    }
    if parser.is_idle() && payload.is_empty() {
        return Ok(());
    }
    Err("the frame ends inside a command".into())
}

/// Only the last frame can be torn, because the next one is written after its fsync. A whole
/// frame behind the damage means that bytes once safe have changed: nothing to cut silently.
fn refuse_damage_in_the_middle(file: &AppendFile, damage: u64) -> Result<(), StartError> {
    let mut rest = Vec::new();
    let mut reader = file
        .read_from(damage)
        .map_err(|cause| read_error(file.path(), cause))?;
    reader
        .read_to_end(&mut rest)
        .map_err(|cause| read_error(file.path(), cause))?;
    match find_frame(damage, &rest) {
        None => Ok(()),
        Some(next) => Err(StartError::Damaged {
            path: file.path().into(),
            offset: damage,
            next,
        }),
    }
}

#[cfg(test)]
mod tests;
