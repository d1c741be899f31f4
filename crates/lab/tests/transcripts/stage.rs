//! Where the recorded commands are played: files, editor, and what must be there before some.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::sync::LazyLock;

use regex::Regex;

use super::recording::Block;
use crate::support::kubectl::{Printed, Shell};

/// What the recording says in words only: commands that were run before the one of this number.
const BEFORE: [(u32, &str); 7] = [
    (12, "kubectl label node ctx1-node-2 b=yes"),
    (
        145,
        "kubectl label node ctx1-node-1 b=yes; kubectl delete pdb pdb -n b-tr; kubectl delete pod one -n b-tr; kubectl run one --image=none:1 -n b-tr \
           --overrides='{\"spec\":{\"nodeName\":\"ctx1-node-1\"}}'",
    ),
    (
        176,
        "kubectl create ns b-tr && kubectl apply -n b-tr -f echo.yaml && \
         kubectl rollout status deploy/echo -n b-tr --timeout=60s && \
         kubectl create pdb pdb --selector=app=echo --min-available=2 -n b-tr && \
         kubectl wait pdb/pdb --for=jsonpath={.status.expectedPods}=2 -n b-tr --timeout=10s",
    ),
    (
        177,
        "kubectl patch deploy echo -n b-tr -p \
           '{\"spec\":{\"template\":{\"spec\":{\"nodeName\":\"ctx1-node-1\"}}}}' && \
           kubectl rollout status deploy/echo -n b-tr --timeout=60s",
    ),
    (
        179,
        "kubectl delete pdb pdb -n b-tr && kubectl uncordon ctx1-node-1 && kubectl apply -n b-tr -f odd.yaml",
    ),
    (
        181,
        "kubectl uncordon ctx1-node-1 ctx1-node-2 && kubectl patch deploy echo -n b-tr -p \
           '{\"spec\":{\"template\":{\"spec\":{\"nodeName\":null}}}}'",
    ),
    (
        185,
        "kubectl apply -n b-tr -f mesh.yaml && kubectl expose deploy -n b-tr echo --port=80 --dry-run=client \
           -o name; kubectl apply -n b-tr -f echo.yaml && kubectl delete deploy echo -n b-tr",
    ),
];

/// What an editor does to the object of these numbers; elsewhere it changes nothing.
const EDITS: [(u32, &str); 2] = [
    (98, "s/^  k: v$/  k: w/"),
    (100, "s/^  replicas: .*/  replicas: -1/"),
];

const KUSTOMIZATION: &str = "namespace: b-tr
resources: [plain.yaml]
configMapGenerator:
- name: gen
  literals: [a=1]
";
const PLAIN: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: plain}
data: {k: v}
";
const ODD: &str = "apiVersion: v1
kind: Pod
metadata: {name: bare}
spec:
  nodeName: ctx1-node-2
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: 'redis:1.0'}]
---
apiVersion: v1
kind: Pod
metadata: {name: local}
spec:
  nodeName: ctx1-node-2
  terminationGracePeriodSeconds: 1
  containers: [{name: c, image: 'redis:1.0'}]
  volumes: [{name: scratch, emptyDir: {}}]
";

static POD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"echo-[0-9a-z]{6,10}-[0-9a-z]{5}").unwrap());

/// A shell whose home holds the files of the commands.
pub(crate) struct Stage {
    shell: Shell,
}

impl Stage {
    pub(crate) fn set(shell: Shell, files: &BTreeMap<String, String>) -> Self {
        let write = |name: &str, text: &str| std::fs::write(shell.home().join(name), text).unwrap();
        std::fs::create_dir(shell.home().join("kust")).unwrap();
        for (name, text) in files {
            write(name, &here(text));
        }
        write("kust/kustomization.yaml", KUSTOMIZATION);
        write("kust/plain.yaml", PLAIN);
        write("odd.yaml", ODD);
        Self { shell }
    }

    /// Runs a recorded command in its turn.
    pub(crate) async fn play(&self, block: &Block) -> Printed {
        for (_, command) in BEFORE.iter().filter(|(number, _)| *number == block.number) {
            let printed = self.shell.run(command).await;
            if printed.exit != 0 {
                eprintln!("before {}: {printed:?}", block.number);
            }
        }
        let edit = EDITS.iter().find(|(number, _)| *number == block.number);
        let editor = edit.map_or("true".to_owned(), |(_, script)| self.editor(script));
        let command = self.with_live_pods(&here(&block.command)).await;
        let (input, home) = (here(&block.stdin), self.shell.home());
        self.shell
            .play(&command, &input, home, &[("KUBE_EDITOR", &editor)])
            .await
    }

    /// An editor that changes the file the first time only.
    fn editor(&self, script: &str) -> String {
        let file = self.shell.home().join("editor");
        let text = format!(
            "#!/bin/sh\n[ -e \"$0.used\" ] && exit 0\n: > \"$0.used\"\nsed -i '{script}' \"$1\"\n"
        );
        let _ = std::fs::remove_file(file.with_extension("used"));
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        file.display().to_string()
    }

    /// Names of recorded pods become names of pods that are there.
    async fn with_live_pods(&self, command: &str) -> String {
        if !POD.is_match(command) {
            return command.to_owned();
        }
        let list = "kubectl get pods -n b-tr -l app=echo --field-selector status.phase=Running \
                    -o jsonpath='{.items[0].metadata.name}'";
        let name = self.shell.run(list).await.stdout;
        POD.replace_all(command, name.trim()).into_owned()
    }
}

/// The recording's images and nodes, as the lab has them.
fn here(text: &str) -> String {
    text.replace("echo:1.0", "redis:1.0")
        .replace("echo:2.0", "redis:2.0")
        .replace("b-node", "ctx1-node-")
}
