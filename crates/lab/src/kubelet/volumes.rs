//! Volumes made of objects, and where a container finds them.
//!
//! ```text
//! scratch/volumes/ui/..data ──► ..3/          the files as they are now; one link is swapped
//!                    index.html ──► ..data/index.html
//! scratch/root/ui ──► scratch/volumes/ui      the container's mountPath below its root
//! ```
//!
//! A container's absolute path does not exist on this machine, so its process is told the folder
//! that stands for `/` and looks there; the manifest's values stay as they are.

mod files;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use k8s_openapi::api::core::v1::{Container, Volume};

use super::pod::PodRun;
pub(super) use files::Files;

/// The volumes of one pod.
#[derive(Debug)]
pub(super) struct Volumes {
    folder: PathBuf,
    /// What was written last, and how often something was.
    written: Mutex<(BTreeMap<String, Files>, u64)>,
}

impl Volumes {
    /// Below the pod's own folder.
    pub(super) fn new(scratch: &Path) -> Self {
        Self {
            folder: scratch.to_owned(),
            written: Mutex::default(),
        }
    }

    /// The folder that stands for `/` in a container.
    pub(super) fn root(&self, container: &str) -> PathBuf {
        self.folder.join("root").join(file_name(container))
    }

    /// Brings every volume's files up to date.
    ///
    /// # Errors
    /// Name of a volume and why it cannot be had: a required object is missing.
    pub(super) fn refresh(&self, pod: &PodRun) -> Result<(), (String, String)> {
        for volume in volumes_of(pod) {
            let wrong = |why: String| (volume.name.clone(), why);
            let Some(files) = files::of(volume, pod).map_err(wrong)? else {
                continue;
            };
            self.write(&volume.name, files)
                .map_err(|error| wrong(error.to_string()))?;
        }
        Ok(())
    }

    /// Puts a container's mounts below its root.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(super) fn mount(&self, container: &Container) -> io::Result<()> {
        let root = self.root(&container.name);
        fs::create_dir_all(&root)?;
        for mount in container.volume_mounts.iter().flatten() {
            let Some(place) = below(&root, &mount.mount_path) else {
                continue;
            };
            let volume = self.volume(&mount.name);
            fs::create_dir_all(&volume)?;
            if let Some(parent) = place.parent() {
                fs::create_dir_all(parent)?;
            }
            match mount.sub_path.as_deref().filter(|it| !it.is_empty()) {
                // Kubernetes: what is mounted by subPath stays as it was at the start.
                Some(part) => copy(below(&volume, part), &place)?,
                None => link(&volume, &place)?,
            }
        }
        Ok(())
    }

    fn volume(&self, name: &str) -> PathBuf {
        self.folder.join("volumes").join(file_name(name))
    }

    /// Swaps all files of a volume at once, where they changed.
    fn write(&self, name: &str, files: Files) -> io::Result<()> {
        let mut written = self.written.lock().expect("no holder of this lock panics");
        if written.0.get(name) == Some(&files) {
            return Ok(());
        }
        written.1 += 1;
        let (volume, version) = (self.volume(name), format!("..{}", written.1));
        for (path, content) in &files {
            let file = volume.join(&version).join(path);
            fs::create_dir_all(file.parent().unwrap_or(&volume))?;
            fs::write(file, content)?;
        }
        fs::create_dir_all(volume.join(&version))?;
        let before = fs::read_link(volume.join("..data")).ok();
        link(Path::new(&version), &volume.join("..data"))?;
        self.link_names(&volume, &files, written.0.get(name))?;
        if let Some(before) = before {
            fs::remove_dir_all(volume.join(before))?;
        }
        written.0.insert(name.to_owned(), files);
        Ok(())
    }

    fn link_names(&self, volume: &Path, files: &Files, before: Option<&Files>) -> io::Result<()> {
        let top = |path: &String| path.split('/').next().unwrap_or(path).to_owned();
        for gone in before.into_iter().flat_map(|files| files.keys().map(top)) {
            if !files.keys().map(top).any(|name| name == gone) {
                let _ = fs::remove_file(volume.join(gone));
            }
        }
        for name in files.keys().map(top) {
            link(&Path::new("..data").join(&name), &volume.join(&name))?;
        }
        Ok(())
    }
}

fn volumes_of(pod: &PodRun) -> impl Iterator<Item = &Volume> {
    pod.pod
        .spec
        .iter()
        .flat_map(|spec| spec.volumes.iter().flatten())
}

/// A name of a manifest as a file's name, which leads nowhere else.
pub(super) fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    name.chars().map(plain).collect()
}

/// Makes or replaces a link, so that there is one at every moment.
fn link(to: &Path, at: &Path) -> io::Result<()> {
    let name = at.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = at.with_file_name(format!("..new-{name}"));
    let _ = fs::remove_file(&unfinished);
    symlink(to, &unfinished)?;
    fs::rename(&unfinished, at)
}

fn copy(from: Option<PathBuf>, to: &Path) -> io::Result<()> {
    match from.filter(|from| from.is_file()) {
        Some(from) => fs::copy(from, to).map(drop),
        None => Ok(()),
    }
}

/// A container's path below a folder; none where it would lead out of it.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let parts = Path::new(path).components();
    let inside = parts.filter(|part| !matches!(part, Component::RootDir | Component::CurDir));
    let mut place = folder.to_owned();
    for part in inside {
        match part {
            Component::Normal(part) => place.push(part),
            _ => return None,
        }
    }
    (place != folder).then_some(place)
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn files(pairs: &[(&str, &str)]) -> Files {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn a_container_sees_the_files_below_its_root_and_their_changes_but_not_through_a_sub_path() {
        let folder = tempfile::tempdir().unwrap();
        let volumes = Volumes::new(folder.path());
        volumes
            .write("ui", files(&[("a.html", "1"), ("b.html", "1")]))
            .unwrap();
        let container: Container = from_value(json!({"name": "c", "volumeMounts": [
            {"name": "ui", "mountPath": "/ui"},
            {"name": "ui", "mountPath": "/etc/one.html", "subPath": "a.html"},
            {"name": "ui", "mountPath": "/../../out"},
        ]}))
        .unwrap();
        volumes.mount(&container).unwrap();
        let root = volumes.root("c");
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        assert_eq!(
            (
                read("ui/a.html").as_deref(),
                read("etc/one.html").as_deref()
            ),
            (Some("1"), Some("1"))
        );
        volumes.write("ui", files(&[("a.html", "2")])).unwrap();
        assert_eq!(
            (read("ui/a.html").as_deref(), read("ui/b.html")),
            (Some("2"), None)
        );
        assert_eq!(read("etc/one.html").as_deref(), Some("1"));
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!(file_name("user-service"), "user-service");
        assert_eq!(file_name("../x"), "___x");
    }

    #[test]
    fn no_path_leads_out_of_its_folder() {
        let folder = Path::new("/f");
        assert_eq!(below(folder, "/ui/x"), Some(PathBuf::from("/f/ui/x")));
        for path in ["/", "", "..", "/a/../../b"] {
            assert_eq!(below(folder, path), None, "{path}");
        }
    }
}
