//! Where the files of a cluster's pods are on this machine.
//!
//! ```text
//! volumes/ctx2/theater-msa_redis-data    a claim's: outlives its pods and the lab
//! scratch/ctx2_<uid>                     a pod's: goes with it
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::state::{SCRATCH, StateDir, VOLUMES};

/// The folder of one pod. Its uid is in it: a pod of the same name may follow while this one ends.
pub(super) fn scratch(state: &StateDir, cluster: &str, uid: &str) -> PathBuf {
    state.path(SCRATCH).join(format!("{cluster}_{uid}"))
}

/// The folder behind a claim, there after this.
///
/// Folders of labs before the clusters were told apart lie one level higher; the first cluster that
/// uses such a claim takes its data over.
///
/// # Errors
/// When it cannot be made.
pub(super) fn claim(
    volumes: &Path,
    cluster: &str,
    namespace: &str,
    claim: &str,
) -> io::Result<PathBuf> {
    let name = claim_folder(namespace, claim);
    let folder = volumes.join(cluster).join(&name);
    if folder.exists() {
        return Ok(folder);
    }
    fs::create_dir_all(volumes.join(cluster))?;
    let before = volumes.join(&name);
    if before.is_dir() {
        fs::rename(before, &folder)?;
    } else {
        fs::create_dir_all(&folder)?;
    }
    Ok(folder)
}

/// Removes what is behind a claim that is gone.
pub(super) fn reclaim(state: &StateDir, cluster: &str, namespace: &str, claim: &str) {
    let folder = state
        .path(VOLUMES)
        .join(cluster)
        .join(claim_folder(namespace, claim));
    let _ = fs::remove_dir_all(folder);
}

/// Names of objects have neither `_` nor `/`; a name that is none leads nowhere else.
fn claim_folder(namespace: &str, claim: &str) -> String {
    format!("{namespace}_{}", claim.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_one_name_in_two_clusters_have_nothing_in_common() {
        let volumes = tempfile::tempdir().unwrap();
        let [one, two] = ["ctx1", "ctx2"].map(|it| claim(volumes.path(), it, "n", "data").unwrap());
        fs::write(one.join("x"), "1").unwrap();
        assert!(!two.join("x").exists());
        assert_eq!(claim(volumes.path(), "ctx1", "n", "data").unwrap(), one);
    }

    #[test]
    fn data_of_an_earlier_lab_goes_to_the_first_cluster_that_uses_the_claim() {
        let volumes = tempfile::tempdir().unwrap();
        fs::create_dir(volumes.path().join("n_data")).unwrap();
        fs::write(volumes.path().join("n_data/appendonly"), "kept").unwrap();
        let [two, one] = ["ctx2", "ctx1"].map(|it| claim(volumes.path(), it, "n", "data").unwrap());
        assert_eq!(fs::read(two.join("appendonly")).unwrap(), b"kept");
        assert!(!one.join("appendonly").exists());
    }

    #[test]
    fn no_name_leads_out_of_the_clusters_folder() {
        let volumes = tempfile::tempdir().unwrap();
        let folder = claim(volumes.path(), "ctx1", "n", "../../x").unwrap();
        assert_eq!(folder.parent(), Some(&*volumes.path().join("ctx1")));
    }
}
