use super::sets::available;
use super::*;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, from_value, json};

/// A Deployment and its sets, with pods that are whatever a test says.
struct Simulation {
    deployment: Deployment,
    sets: Vec<Arc<ReplicaSet>>,
    told: Vec<String>,
    now: Timestamp,
}

impl Simulation {
    /// Ten pods of image `1`, three more and two fewer during a rollout.
    fn of(spec: Value) -> Self {
        let mut object = json!({
            "metadata": {"name": "web", "namespace": "shop", "uid": "u", "generation": 1},
            "spec": {
                "replicas": 10, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
                "selector": {"matchLabels": {"app": "web"}},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}},
                "template": template("1"),
            },
        });
        for (member, value) in spec.as_object().into_iter().flatten() {
            object["spec"][member] = value.clone();
        }
        Self {
            deployment: from_value(object).unwrap(),
            sets: Vec::new(),
            told: Vec::new(),
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn plan(&self) -> Plan {
        plan(&Situation {
            deployment: &self.deployment,
            owned: &self.sets,
            has_pods: &|_| false,
            now: self.now,
        })
    }

    /// One step; whether it did anything.
    fn step(&mut self) -> bool {
        let plan = self.plan();
        let before = (self.deployment.clone(), self.sets.clone());
        for write in &plan.writes {
            self.write(write);
        }
        self.deployment.status = Some(plan.status);
        if let Some(revision) = plan.revision {
            let annotations = self.deployment.metadata.annotations.get_or_insert_default();
            annotations.insert(REVISION.to_owned(), revision.to_string());
        }
        before != (self.deployment.clone(), self.sets.clone())
    }

    fn settle(&mut self) {
        while self.step() {}
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::Create(set) => {
                let mut set = (**set).clone();
                let age = i64::try_from(self.sets.len()).unwrap();
                let created = self.now + SignedDuration::from_secs(age);
                set.metadata.creation_timestamp = Some(Time(created));
                self.told.push(format!("create {}", wanted(&set)));
                self.sets.push(Arc::new(set));
            }
            Write::Annotate {
                set, annotations, ..
            } => self.change(set, |set| {
                set.metadata
                    .annotations
                    .get_or_insert_default()
                    .extend(annotations.clone());
            }),
            Write::Scale {
                set,
                from,
                to,
                annotations,
            } => {
                self.told.push(format!("{from} to {to}"));
                self.change(set, |set| {
                    assert_eq!(wanted(set), *from);
                    set.spec.replicas = Some(*to);
                    set.metadata
                        .annotations
                        .get_or_insert_default()
                        .extend(annotations.clone());
                });
            }
            Write::Delete(name) => {
                self.sets.retain(|set| sets::name(set) != *name);
            }
        }
    }

    fn change(&mut self, name: &str, change: impl Fn(&mut ReplicaSet)) {
        let set = self.sets.iter_mut().find(|set| sets::name(set) == name);
        change(Arc::make_mut(
            set.expect("a plan writes sets that are there"),
        ));
    }

    /// Every set gets the pods it wants, of which so many are available.
    fn run_pods(&mut self, available: impl Fn(usize, i32) -> i32) {
        for (index, set) in self.sets.iter_mut().enumerate() {
            let (wanted, available) = (wanted(set), available(index, wanted(set)));
            Arc::make_mut(set).status = Some(
                from_value(json!({
                    "replicas": wanted, "readyReplicas": available, "availableReplicas": available,
                    "terminatingReplicas": 0,
                }))
                .unwrap(),
            );
        }
    }

    fn all_run(&mut self) {
        self.run_pods(|_, wanted| wanted);
    }

    fn roll_out(&mut self) {
        for _ in 0..20 {
            self.settle();
            self.all_run();
        }
        self.settle();
    }

    fn change_to(&mut self, image: &str) {
        self.deployment.spec.template = from_value(template(image)).unwrap();
        self.deployment.metadata.generation = self.deployment.metadata.generation.map(|it| it + 1);
        self.told.clear();
    }

    fn sizes(&self) -> Vec<i32> {
        self.sets.iter().map(|set| wanted(set)).collect()
    }

    fn condition(&self, kind: &str) -> String {
        let status = self.deployment.status.clone().unwrap_or_default();
        let found = condition::find(&status, kind).cloned().unwrap_or_default();
        let words = [found.status, found.reason, found.message];
        words.map(Option::unwrap_or_default).join(" ")
    }
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    })
}

#[test]
fn the_first_set_is_made_in_full_and_knows_its_deployment() {
    let mut simulation = Simulation::of(json!({}));
    simulation.settle();
    assert_eq!(simulation.told, ["create 10"]);
    let metadata = &simulation.sets[0].metadata;
    let expected = json!({
        "deployment.kubernetes.io/desired-replicas": "10",
        "deployment.kubernetes.io/max-replicas": "13",
        "deployment.kubernetes.io/revision": "1",
    });
    assert_eq!(json!(metadata.annotations), expected);
    assert_eq!(json!(metadata.owner_references)[0]["uid"], "u");
    let hash = &metadata.labels.as_ref().unwrap()[TEMPLATE_HASH];
    assert_eq!(sets::name(&simulation.sets[0]), format!("web-{hash}"));
}

#[test]
fn a_rollout_stays_within_its_bounds_and_ends() {
    let mut simulation = Simulation::of(json!({}));
    simulation.roll_out();
    simulation.change_to("2");
    for _ in 0..20 {
        simulation.settle();
        let total: i32 = simulation.sizes().iter().sum();
        let available: i32 = simulation
            .sets
            .iter()
            .map(|set| available(set).min(wanted(set)))
            .sum();
        assert!(total <= 13, "{total} pods");
        assert!(available >= 8, "{available} available");
        simulation.all_run();
    }
    assert_eq!(simulation.sizes(), [0, 10]);
    let name = sets::name(&simulation.sets[1]);
    let expected =
        format!("True NewReplicaSetAvailable ReplicaSet {name:?} has successfully progressed.");
    assert_eq!(simulation.condition("Progressing"), expected);
}

#[test]
fn old_pods_that_are_not_available_go_first() {
    let mut simulation = Simulation::of(json!({}));
    simulation.roll_out();
    simulation.change_to("2");
    simulation.step();
    simulation.run_pods(|index, wanted| if index == 0 { wanted - 4 } else { 0 });
    simulation.told.clear();
    simulation.settle();
    // 13 pods, of which 8 must stay and 3 are still coming: 2 may go, and 6 serve.
    assert_eq!(simulation.told[0], "10 to 8");
}

#[test]
fn a_deployment_resized_during_a_rollout_keeps_the_proportions() {
    // The example of Kubernetes' documentation.
    let mut simulation = Simulation::of(json!({}));
    simulation.roll_out();
    simulation.change_to("2");
    simulation.settle();
    simulation.run_pods(|index, wanted| if index == 0 { wanted } else { 0 });
    simulation.settle();
    assert_eq!(simulation.sizes(), [8, 5]);
    simulation.deployment.spec.replicas = Some(15);
    simulation.step();
    assert_eq!(simulation.sizes(), [11, 7]);
}

#[test]
fn recreate_ends_the_old_pods_before_it_makes_new_ones() {
    let mut simulation = Simulation::of(json!({"replicas": 2, "strategy": {"type": "Recreate"}}));
    simulation.roll_out();
    simulation.change_to("2");
    simulation.settle();
    assert_eq!(simulation.told, ["2 to 0"], "its pods are still there");
    simulation.all_run();
    simulation.settle();
    assert_eq!(simulation.told, ["2 to 0", "create 2"]);
}

#[test]
fn a_rollout_that_stands_still_exceeds_its_deadline() {
    let mut simulation = Simulation::of(json!({}));
    simulation.settle();
    simulation.run_pods(|_, _| 0);
    simulation.settle();
    let wait = simulation.plan().check_in.unwrap();
    assert_eq!(wait, SignedDuration::from_secs(601));
    simulation.now += wait;
    simulation.settle();
    let name = sets::name(&simulation.sets[0]);
    let expected =
        format!("False ProgressDeadlineExceeded ReplicaSet {name:?} has timed out progressing.");
    assert_eq!(simulation.condition("Progressing"), expected);
    assert_eq!(simulation.plan().check_in, None);
}

#[test]
fn a_paused_deployment_is_scaled_but_not_rolled_out() {
    let mut simulation = Simulation::of(json!({}));
    simulation.roll_out();
    simulation.change_to("2");
    simulation.deployment.spec.paused = Some(true);
    simulation.deployment.spec.replicas = Some(4);
    simulation.settle();
    assert_eq!(simulation.sizes(), [4]);
    let paused = "Unknown DeploymentPaused Deployment is paused";
    assert_eq!(simulation.condition("Progressing"), paused);
    simulation.deployment.spec.paused = Some(false);
    simulation.step();
    let resumed = "Unknown DeploymentResumed Deployment is resumed";
    assert_eq!(simulation.condition("Progressing"), resumed);
    simulation.roll_out();
    assert_eq!(simulation.sizes(), [0, 4]);
}

#[test]
fn a_template_that_comes_back_gets_its_old_set_and_a_new_revision() {
    let mut simulation = Simulation::of(json!({}));
    for image in ["1", "2", "1", "2", "1"] {
        simulation.change_to(image);
        simulation.roll_out();
    }
    assert_eq!(simulation.sizes(), [10, 0]);
    let annotations = json!(simulation.sets[0].metadata.annotations);
    assert_eq!(annotations[REVISION], "5");
    assert_eq!(
        annotations["deployment.kubernetes.io/revision-history"],
        "1,3"
    );
    assert_eq!(annotations::revision(&simulation.deployment), Some(5));
}

#[test]
fn only_so_many_old_sets_are_remembered() {
    let mut simulation = Simulation::of(json!({"revisionHistoryLimit": 2}));
    for image in ["1", "2", "3", "4", "5"] {
        simulation.change_to(image);
        simulation.roll_out();
    }
    let revisions: Vec<i64> = simulation.sets.iter().map(|set| revision_of(set)).collect();
    assert_eq!(revisions, [3, 4, 5]);
}

#[test]
fn a_set_that_cannot_make_pods_is_told_by_its_deployment() {
    let mut simulation = Simulation::of(json!({}));
    simulation.settle();
    let failure = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "no"});
    let set = Arc::make_mut(&mut simulation.sets[0]);
    set.status = Some(from_value(json!({"replicas": 0, "conditions": [failure]})).unwrap());
    simulation.settle();
    assert_eq!(
        simulation.condition("ReplicaFailure"),
        "True FailedCreate no"
    );
    simulation.all_run();
    simulation.settle();
    assert_eq!(simulation.condition("ReplicaFailure"), "  ");
}

/// Otherwise a deletion that waits for its sets makes new ones for ever.
#[test]
fn what_is_being_deleted_makes_no_sets() {
    let mut simulation = Simulation::of(json!({}));
    simulation.deployment.metadata.deletion_timestamp = Some(Time(simulation.now));
    assert_eq!(simulation.plan().writes, []);
}
