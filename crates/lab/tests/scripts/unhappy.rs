//! Whatever is missing or wrong is named, with the next step, and nothing is changed.

use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use lab::verify::rules;
use serde_json::json;

use crate::stage::{RULES, Stage, lesson, root};
use crate::support::kubectl::Printed;

const MISUSED: i32 = 64;
const UNAVAILABLE: i32 = 69;

fn refused(printed: &Printed, exit: i32, words: &[&str]) {
    assert_eq!(printed.exit, exit, "{}", printed.all());
    for word in words {
        assert!(
            printed.stderr.contains(word),
            "{word} is missing in: {}",
            printed.all()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_missing_or_wrong_is_named() {
    let Some(stage) = Stage::up().await else {
        return;
    };
    wrong_words_are_refused_before_anything_is_asked(&stage).await;
    what_is_missing_is_named(&stage).await;
    the_dashboard_is_looked_for_where_it_is_asked(&stage).await;
    a_reader_that_goes_leaves_no_file(&stage).await;
    a_cluster_that_does_not_answer_or_is_not_ours_is_not_touched(&stage).await;
    what_was_half_applied_is_made_whole_by_the_next_verb(&stage).await;
}

async fn wrong_words_are_refused_before_anything_is_asked(stage: &Stage) {
    let rows = [
        ("", "Usage:"),
        ("reste", "there is no verb reste"),
        ("block now", "block takes no further word, not \"now\""),
        ("delay error", "delay takes no further word"),
        ("rollback", "rollback takes exactly one word"),
        ("rollback delay error", "rollback takes exactly one word"),
        (
            "rollback chaos",
            "rollback knows delay, error and block, not \"chaos\"",
        ),
        ("sick", "sick needs: POD or SERVICE"),
        ("heal user movie", "heal takes one word"),
        ("status --loud", "there is no option --loud"),
        ("test -n", "-n needs a number"),
        ("test -n 0", "-n needs a number"),
        ("test -n many", "-n needs a number, not \"many\""),
        ("test -n 1000000", "-n is at most 99999"),
        ("--context", "--context needs a value"),
    ];
    for (words, said) in rows {
        let printed = stage.demo(words).await;
        refused(&printed, MISUSED, &[said]);
        assert_eq!(printed.stdout, "", "{words}: no API server is asked");
    }
    let printed = stage.demo("sick nobody").await;
    refused(
        &printed,
        MISUSED,
        &["nobody is neither user, movie, booking nor one of their pods"],
    );
    assert_eq!(stage.specs("ctx1").await, lesson("01-initial"));

    let help = stage.demo("--help").await;
    assert_eq!(help.exit, 0);
    let verbs =
        "reset setup delay error block chaos circuit sick heal rollback recover status test";
    for verb in verbs.split(' ') {
        let row = format!("\n  {verb} ");
        assert!(help.stdout.contains(&row), "{verb} is missing in the help");
    }
}

async fn what_is_missing_is_named(stage: &Stage) {
    let printed = stage.demo("--context ctx7 delay").await;
    refused(
        &printed,
        UNAVAILABLE,
        &["kubectl has no context ctx7", "rename-context"],
    );

    let script = root().join("fault-injection-demo.sh");
    let here = format!("{} delay", script.display());
    let printed = stage.shell.run(&here).await;
    refused(
        &printed,
        MISUSED,
        &["it is not known where the dashboard is", "APP_URL"],
    );
    let nobody = format!(
        "THEATER_STATE_DIR=/nowhere {} --lab delay",
        script.display()
    );
    let in_empty_folder = stage.shell.run(&nobody).await;
    if !root().join(".theater/lock").exists() {
        refused(
            &in_empty_folder,
            UNAVAILABLE,
            &["no lab has been started here", "cargo lab"],
        );
    }

    // Tools on PATH but for one.
    for missing in ["kubectl", "curl"] {
        let tools = stage.shell.home().join(format!("without-{missing}"));
        std::fs::create_dir(&tools).unwrap();
        for tool in [
            "bash", "cat", "dirname", "mktemp", "rm", "awk", "sed", "sort", "kubectl", "curl",
        ] {
            let found = stage.shell.run(&format!("command -v {tool}")).await;
            if tool != missing {
                symlink(found.stdout.trim(), tools.join(tool)).unwrap();
            }
        }
        let bare = format!(
            "PATH={} bash {} --lab delay",
            tools.display(),
            script.display()
        );
        let printed = stage.shell.run(&bare).await;
        refused(
            &printed,
            UNAVAILABLE,
            &[&format!("{missing} is not installed"), "next:"],
        );
    }
    assert_eq!(stage.specs("ctx1").await, lesson("01-initial"));
}

async fn the_dashboard_is_looked_for_where_it_is_asked(stage: &Stage) {
    let script = root().join("fault-injection-demo.sh");
    for verb in ["status", "heal"] {
        let printed = stage
            .shell
            .run(&format!("{} {verb}", script.display()))
            .await;
        assert_eq!(printed.exit, 0, "{verb}: {}", printed.all());
        assert!(!printed.stdout.contains("dashboard: "), "{}", printed.all());
    }
    // The example's domain is somebody else's.
    let example = format!("DOMAIN=example.com {} test", script.display());
    let printed = stage.shell.run(&example).await;
    refused(
        &printed,
        MISUSED,
        &["it is not known where the dashboard is"],
    );

    // What was deployed is what is asked, unless something else is said.
    let copy = stage.shell.home().join("course");
    let copied = format!(
        "mkdir {copy} && cd {root} && cp -r fault-injection-demo.sh scripts k8s practice {copy} && sed -i.old 's/^DOMAIN=.*/DOMAIN=course.invalid/' {copy}/k8s/settings/settings.env",
        copy = copy.display(),
        root = root().display()
    );
    assert_eq!(stage.shell.run(&copied).await.exit, 0);
    for (variables, dashboard) in [
        ("", "http://theater.course.invalid"),
        ("DOMAIN=other.invalid", "http://theater.other.invalid"),
        (
            "DOMAIN=other.invalid APP_URL=http://it.invalid/",
            "http://it.invalid",
        ),
    ] {
        let command = format!(
            "{variables} {}/fault-injection-demo.sh --context ctx7 test",
            copy.display()
        );
        let printed = stage.shell.run(&command).await;
        refused(&printed, UNAVAILABLE, &["kubectl has no context ctx7"]);
        let line = format!("dashboard: {dashboard}\n");
        assert!(printed.stdout.contains(&line), "{}", printed.all());
    }
}

async fn a_reader_that_goes_leaves_no_file(stage: &Stage) {
    let script = root().join("fault-injection-demo.sh");
    let scratch = stage.shell.home().join("scratch");
    std::fs::create_dir(&scratch).unwrap();
    let command = format!(
        "TMPDIR={} {} --lab status | head -n 1",
        scratch.display(),
        script.display()
    );
    let printed = stage.shell.run(&command).await;
    assert!(
        printed.stdout.starts_with("ctx1: http"),
        "{}",
        printed.all()
    );
    assert_eq!(std::fs::read_dir(scratch).unwrap().count(), 0);
}

async fn a_cluster_that_does_not_answer_or_is_not_ours_is_not_touched(stage: &Stage) {
    let script = root().join("fault-injection-demo.sh");
    let kubeconfig = |server: &str| {
        format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: '{server}'}}}}]\nusers: [{{name: u, user: {{}}}}]\ncontexts: [{{name: ctx1, context: {{cluster: c, user: u}}}}]\n"
        )
    };
    let rows = [
        (
            "http://127.0.0.1:9",
            UNAVAILABLE,
            "the API server of ctx1 does not answer",
        ),
        (
            "https://203.0.113.1:6443",
            MISUSED,
            "https://203.0.113.1:6443 is not on this machine",
        ),
    ];
    for (server, exit, said) in rows {
        let file = stage.shell.home().join("other");
        std::fs::write(&file, kubeconfig(server)).unwrap();
        let began = Instant::now();
        let command = format!(
            "KUBECONFIG={} APP_URL={} {} delay",
            file.display(),
            stage.lab.url,
            script.display()
        );
        let printed = stage.shell.run(&command).await;
        refused(&printed, exit, &[said, "next:"]);
        assert!(
            printed.stdout.contains(&format!("ctx1: {server}\n")),
            "{}",
            printed.stdout
        );
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

async fn what_was_half_applied_is_made_whole_by_the_next_verb(stage: &Stage) {
    // A third of a lesson, and a rule gone.
    let half = lesson("99-scenarios");
    let object = "virtualservices/user-service-vs";
    let patch = json!({"spec": half[object]["spec"]});
    stage
        .lab
        .merge_patch("ctx1", &format!("{RULES}/{object}"), &patch)
        .await;
    let api = stage.api("ctx1");
    let delete = async |name| rules::delete(&api, "destinationrules", name).await.unwrap();
    delete("movie-service-dr").await;
    stage.play("delay").await;
    assert_eq!(stage.specs("ctx1").await, lesson("03-delay-fault"));

    // A rule that answers do not follow: said within the limit, and what was seen.
    delete("user-service-dr").await;
    stage.play("rollback delay").await;
    let block = json!({"spec": half[object]["spec"]});
    stage
        .lab
        .merge_patch("ctx1", &format!("{RULES}/{object}"), &block)
        .await;
    let script = root().join("fault-injection-demo.sh");
    let impatient = format!("SIGHT_LIMIT=2 {} --lab rollback error", script.display());
    let printed = stage.shell.run(&impatient).await;
    refused(
        &printed,
        1,
        &["answers do not follow them", "503 NC", "next:"],
    );
}
