use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::frame::{FIRST_LINE, Header};
use crate::db::{Snapshot, dump_entry};

/// Bytes of commands after which a rewrite closes a frame.
const REWRITE_FRAME_BYTES: usize = 256 * 1024;

/// An append file that this process alone may write.
#[derive(Debug)]
pub(crate) struct AppendFile {
    file: File,
    path: PathBuf,
    /// Bytes that are known to be good; the next frame begins here.
    length: u64,
}

impl AppendFile {
    /// Opens or creates the file and locks it, so that a second store cannot write into it. The
    /// lock goes with the process, however that ends.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // Values may be secrets of whoever uses the store.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        file.try_lock()?;
        Ok(Self {
            file,
            path: path.to_owned(),
            length: 0,
        })
    }

    /// A file that every write fails on, like a disk that went away.
    #[cfg(test)]
    pub(super) fn read_only(path: &Path) -> Self {
        Self {
            file: File::open(path).unwrap(),
            path: path.to_owned(),
            length: 0,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes in the file, good or not.
    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// What follows the first `offset` bytes.
    pub(super) fn read_from(&self, offset: u64) -> io::Result<impl Read> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        Ok(io::BufReader::new(file))
    }

    /// Makes it an append file without frames.
    pub(super) fn start(&mut self) -> io::Result<()> {
        self.cut_at(0)?;
        self.file.write_all(FIRST_LINE)?;
        self.length = FIRST_LINE.len() as u64;
        self.sync()?;
        sync_directory(&self.path)
    }

    /// Ends the file after its first `length` bytes; frames will follow there.
    pub(super) fn cut_at(&mut self, length: u64) -> io::Result<()> {
        if self.size()? != length {
            self.file.set_len(length)?;
            self.sync()?;
        }
        self.file.seek(SeekFrom::Start(length))?;
        self.length = length;
        Ok(())
    }

    /// Appends one frame and waits until it is on the disk. After an error the file ends where it
    /// ended before, as far as the disk still allows that.
    pub(super) fn commit(&mut self, payload: &[u8]) -> io::Result<()> {
        let before = self.length;
        self.append(payload)
            .and_then(|()| self.sync())
            .inspect_err(|_| {
                let _ = self.cut_at(before);
            })
    }

    fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let header = Header::new(self.length, payload).encode();
        self.file.write_all(header.as_bytes())?;
        self.file.write_all(payload)?;
        self.length += (header.len() + payload.len()) as u64;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes a snapshot into a new file beside this one, to be put in place by [`Self::replace`].
    pub(super) fn rewrite(path: &Path, snapshot: &Snapshot) -> io::Result<Self> {
        let mut new = Self::open(&rewrite_path(path))?;
        new.start()?;
        let mut commands = Vec::new();
        for (key, entry) in snapshot.entries() {
            dump_entry(key, entry, &mut commands);
            if commands.len() >= REWRITE_FRAME_BYTES {
                new.append(&commands)?;
                commands.clear();
            }
        }
        if !commands.is_empty() {
            new.append(&commands)?;
        }
        new.sync()?;
        Ok(new)
    }

    /// Adds what was written since the snapshot, and makes `new` the file of this name.
    pub(super) fn replace(&mut self, mut new: Self, since: &[u8]) -> io::Result<()> {
        if !since.is_empty() {
            new.commit(since)?;
        }
        std::fs::rename(&new.path, &self.path)?;
        new.path.clone_from(&self.path);
        *self = new;
        Ok(())
    }

    /// Makes a [`Self::replace`] last. Until then a crash may bring the old file back, so nothing
    /// may be acknowledged in between.
    pub(super) fn sync_name(&self) -> io::Result<()> {
        sync_directory(&self.path)
    }
}

/// Where a rewrite is prepared; what a crash left there is of no use.
pub(super) fn rewrite_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".rewrite");
    name.into()
}

/// A new name is safe when its directory is on the disk.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
