//! A cluster with every controller of the lab and no kubelet, on a clock of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use apiserver::kubelet::NoKubelet;
use apiserver::resource::{Resource, rows};
use apiserver::store::{Event, Key, Part, RingLimits, Source, Store, Watch};
use jiff::{SignedDuration, Timestamp};
use lab::admission::Rules;
use lab::controllers::Controllers;
use lab::events::Recorder;
use lab::network::Addresses;
use lab::objects::{self, Client};
use serde_json::Value;
use uuid::Uuid;

/// When the recording began: the seconds of its objects and the times of its rows leave this
/// moment to within a twentieth of a second.
const BEGAN: i64 = 1_795_244_696_200_000;
/// The recorded namespace.
pub(super) const NAMESPACE: &str = "b-roll";
/// Looks until nothing changes any more: more would be a loop.
const LOOKS: usize = 50;

/// What the recording watched.
const WATCHED: [&Resource; 5] = [
    &rows::DEPLOYMENTS,
    &rows::REPLICA_SETS,
    &rows::PODS,
    &rows::ENDPOINT_SLICES,
    &rows::EVENTS,
];

/// Microseconds since 1970; no two readings are the same, as the names of events depend on it.
struct Clock(AtomicI64);

impl Source for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.fetch_add(1, Ordering::Relaxed)).unwrap()
    }

    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// The cluster of the recording.
pub(super) struct Stage {
    pub(super) store: Store,
    rules: Arc<Rules>,
    scene: BTreeMap<String, Value>,
    clock: Arc<Clock>,
    controllers: Controllers,
    watches: Vec<Watch>,
    due: Option<Timestamp>,
}

impl Stage {
    /// What was there before the first recorded command.
    pub(super) fn set() -> Self {
        let clock = Arc::new(Clock(AtomicI64::new(BEGAN)));
        let store = Store::new(clock.clone(), RingLimits::default());
        let addresses = Addresses::of_cluster(1);
        let rules = Arc::new(Rules::new(store.clone(), &addresses));
        let api = Client {
            store: store.clone(),
            admission: rules.clone(),
        };
        let controllers = Controllers::new(api, Arc::new(NoKubelet), &Recorder::new(store.clone()));
        let scene = serde_saphyr::from_str(include_str!("../data/recorded/scene.yaml")).unwrap();
        let from = store.resource_version();
        let watch = |resource| store.watch(resource, Some(NAMESPACE), from).unwrap();
        let mut stage = Self {
            watches: WATCHED.into_iter().map(watch).collect(),
            store,
            rules,
            scene,
            clock,
            controllers,
            due: None,
        };
        let before = stage.scene["before"].as_array().unwrap().clone();
        before.into_iter().for_each(|object| stage.create(object));
        stage.settle();
        stage
    }

    /// Creates what the scene calls so.
    pub(super) fn enter(&self, name: &str) {
        self.create(self.scene[name].clone());
    }

    fn create(&self, object: Value) {
        self.rules.create(object, None).unwrap();
    }

    /// Lets time pass until `seconds` after the start, with every look that is due on the way.
    pub(super) fn wait_until(&mut self, seconds: f64) {
        let start = Timestamp::from_microsecond(BEGAN).unwrap();
        let then = start + SignedDuration::from_secs_f64(seconds);
        while let Some(due) = self.due.filter(|due| *due <= then) {
            self.set_clock(due);
            self.settle();
            if self.due == Some(due) {
                break;
            }
        }
        self.set_clock(then);
        self.settle();
    }

    fn set_clock(&self, at: Timestamp) {
        // A look is due at its moment, not a part of a microsecond before.
        let micros = at.as_microsecond() + 1;
        self.clock.0.fetch_max(micros, Ordering::Relaxed);
    }

    /// Lets the controllers look until nothing changes.
    pub(super) fn settle(&mut self) {
        for _ in 0..LOOKS {
            let before = self.store.resource_version();
            self.due = self.controllers.pass(self.clock.now());
            if self.store.resource_version() == before {
                return;
            }
        }
        panic!("the controllers do not come to rest");
    }

    /// What was written since the last call, in order.
    pub(super) fn writes(&mut self) -> Vec<Arc<Event>> {
        let new = self.watches.iter_mut().flat_map(|it| it.ready().unwrap());
        let mut new: Vec<_> = new.collect();
        new.sort_by_key(|event| event.resource_version);
        new
    }

    /// The present second, as objects have it.
    pub(super) fn now(&self) -> String {
        format!("{:.0}", self.clock.now())
    }

    /// An object of the recorded namespace.
    pub(super) fn get(&self, resource: &'static Resource, name: &str) -> Value {
        let key = Key::new(resource, NAMESPACE, name);
        (*self.store.get(&key).unwrap()).clone()
    }

    /// A client's or kubelet's write.
    pub(super) fn change(
        &self,
        resource: &'static Resource,
        name: &str,
        part: Part,
        change: impl Fn(&mut Value),
    ) {
        let key = Key::new(resource, NAMESPACE, name);
        objects::change(&self.store, &key, part, change);
    }
}
