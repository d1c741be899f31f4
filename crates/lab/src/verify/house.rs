//! The checkout, and the tools that the checks need.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// What a checkout is known by.
const MARKS: [&str; 2] = ["practice/01-initial", "fault-injection-demo.sh"];
/// The tools of the scripts.
const TOOLS: [&str; 4] = ["kubectl", "bash", "curl", "awk"];

/// Where everything is.
#[derive(Clone, Debug)]
pub struct House {
    /// The checkout.
    pub root: PathBuf,
    /// The lab's own binary.
    pub program: PathBuf,
}

impl House {
    /// The checkout at `repo`, else the one around the current folder; and every tool is there.
    ///
    /// # Errors
    /// When something is missing.
    pub fn find(repo: Option<&Path>) -> Result<Self> {
        let here = std::env::current_dir().context("there is no current folder")?;
        let root = match repo {
            Some(given) if is_checkout(given) => given.canonicalize()?,
            Some(given) => bail!("{} has no {}", given.display(), MARKS.join(" and no ")),
            None => around(&here).with_context(|| {
                format!(
                    "no folder from {} upwards is a checkout of the theater: go there, or say --repo PATH",
                    here.display()
                )
            })?,
        };
        for tool in TOOLS {
            need(tool)?;
        }
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        Ok(Self { root, program })
    }
}

fn around(here: &Path) -> Option<PathBuf> {
    let mut folders = here.ancestors();
    folders.find(|it| is_checkout(it)).map(Path::to_owned)
}

fn is_checkout(folder: &Path) -> bool {
    MARKS.iter().all(|mark| folder.join(mark).exists())
}

fn need(tool: &str) -> Result<()> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()) {
        return Ok(());
    }
    match tool {
        "kubectl" => bail!(
            "kubectl is not on PATH: https://kubernetes.io/docs/tasks/tools/ (k8s/versions.env says which)"
        ),
        _ => bail!("{tool} is not on PATH: install it with your system's packages"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_any_folder_in_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().unwrap();
        assert_eq!(around(&root.join("crates/lab/src")), Some(root.clone()));
        assert_eq!(around(&root), Some(root));
        assert_eq!(around(Path::new("/")), None);
    }
}
