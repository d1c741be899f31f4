//! Plays the recording: what user and kubelet did is done again in its order, and every write that
//! real controllers made of it is looked for among ours.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::deviations::Comparison;
use super::names::Names;
use super::stage::Stage;
use super::{row, script};

/// The recording's five watches tell of one moment within so many seconds of each other.
const SKEW: f64 = 0.05;

/// One run of the recording.
pub(super) struct Play {
    pub(super) stage: Stage,
    pub(super) names: Names,
    /// Our writes by object (events by what they are about), the oldest first.
    ours: Vec<Ours>,
    /// How far an object's writes are matched, by kind and our name.
    reached: HashMap<(String, String), usize>,
    addresses: BTreeMap<String, String>,
    last: BTreeMap<(String, String), Value>,
    pending: Vec<(usize, Value)>,
    /// Recorded writes that ours made too, or not in time.
    writes: Comparison,
}

struct Ours {
    kind: String,
    name: String,
    owner: String,
    row: Value,
    used: bool,
}

impl Play {
    pub(super) fn begin(recorded: &[Value]) -> Self {
        let mut play = Self {
            stage: Stage::set(),
            names: Names::default(),
            ours: Vec::new(),
            reached: HashMap::new(),
            addresses: addresses(recorded),
            last: BTreeMap::new(),
            pending: Vec::new(),
            writes: Comparison::default(),
        };
        play.collect();
        play
    }

    /// Plays one row.
    pub(super) fn play(&mut self, number: usize, row: &Value) {
        let time = row["t"].as_f64().unwrap();
        self.stage.wait_until(time);
        self.collect();
        self.retry(time);
        let mut row = row.clone();
        let name = text(&row, "name");
        if let Some(ip) = self.addresses.get(&name) {
            row["ip"] = json!(ip);
        }
        let object = (text(&row, "kind"), name);
        let before = self.last.get(&object).cloned();
        if script::act(&self.stage, &self.names, &row, before.as_ref()) {
            self.stage.settle();
            self.collect();
            self.retry(time);
        } else {
            self.meet(&row, before.as_ref());
            if !self.find(&row) {
                self.pending.push((number, row.clone()));
            }
        }
        self.last.insert(object, row);
    }

    /// Ends the run: what was not found by now is missing.
    pub(super) fn end(&mut self) {
        self.retry(f64::INFINITY);
    }

    /// The recorded writes, each found among ours or not.
    pub(super) fn writes(&self) -> &Comparison {
        &self.writes
    }

    /// Scalings of ours that the recording does not have. Other writes beyond the recorded ones
    /// are states between two of them, which a real controller did not see, or later attempts.
    pub(super) fn contrary(&self) -> Vec<Value> {
        let extra = self.ours.iter().filter(|it| !it.used);
        let extra = extra.filter(|it| it.row["reason"] == "ScalingReplicaSet");
        extra.map(|it| self.names.translate(&it.row)).collect()
    }

    /// Our name for a recorded object.
    pub(super) fn name_of(&self, kind: &str, recorded: &str) -> String {
        match kind {
            "EndpointSlice" => self.name_of_slice(),
            _ => self.names.ours(recorded).unwrap_or(recorded).to_owned(),
        }
    }

    fn collect(&mut self) {
        for event in self.stage.writes() {
            let row = row::of(&event);
            let owner = &event.object["metadata"]["ownerReferences"][0]["name"];
            self.ours.push(Ours {
                kind: text(&row, "kind"),
                name: text(&row, "name"),
                owner: owner.as_str().unwrap_or_default().to_owned(),
                row,
                used: false,
            });
        }
    }

    /// Looks again for rows not found so far, and gives up those whose time is over.
    fn retry(&mut self, time: f64) {
        for (number, row) in std::mem::take(&mut self.pending) {
            let until = row["t"].as_f64().unwrap() + SKEW;
            if self.find(&row) {
                continue;
            }
            match until < time {
                true => {
                    let ours = self.told_of(&row);
                    self.writes
                        .note(number.to_string(), Some(format!("{row}{ours}")));
                }
                false => self.pending.push((number, row)),
            }
        }
    }

    /// Learns which object of ours a recorded one is.
    fn meet(&mut self, row: &Value, before: Option<&Value>) {
        let (kind, name) = (text(row, "kind"), text(row, "name"));
        let Some((owner, _)) = name.rsplit_once('-') else {
            return;
        };
        if row["type"] == "ADDED" && matches!(kind.as_str(), "ReplicaSet" | "Pod") {
            let ours = self.ours.iter().find(|it| {
                it.kind == kind
                    && self.names.recorded(&it.owner) == owner
                    && !self.names.knows(&it.name)
            });
            if let Some(ours) = ours {
                self.names.learn(&ours.name, &name);
                if let (Some((_, ours)), "ReplicaSet") = (ours.name.rsplit_once('-'), &*kind) {
                    let hash = name.rsplit_once('-').map(|(_, hash)| hash).unwrap();
                    self.names.learn(ours, hash);
                }
            }
        }
        let begins_to_go = kind == "Pod"
            && row["deleting"] == true
            && before.is_some_and(|before| before["deleting"] == false);
        if begins_to_go {
            self.choose_leaving(&name, owner);
        }
    }

    /// Of equal pods any may be the one that goes: ours takes the recorded one's name.
    fn choose_leaving(&mut self, recorded: &str, set: &str) {
        let Some(mine) = self.names.ours(recorded).map(str::to_owned) else {
            return;
        };
        let is_leaving = |name: &str| {
            let last = self
                .ours
                .iter()
                .rfind(|it| it.kind == "Pod" && it.name == name);
            last.is_some_and(|it| it.row["deleting"] == true)
        };
        if is_leaving(&mine) {
            return;
        }
        let stays = |name: &str| {
            let object = ("Pod".to_owned(), self.names.recorded(name).to_owned());
            let last = self.last.get(&object);
            last.is_some_and(|row| row["deleting"] == false)
        };
        let other = self.ours.iter().find(|it| {
            it.kind == "Pod"
                && self.names.recorded(&it.owner) == set
                && is_leaving(&it.name)
                && stays(&it.name)
        });
        if let Some(other) = other.map(|it| it.name.clone()) {
            self.names.swap(&mine, &other);
        }
    }

    /// Finds a recorded write among ours: an object's in their order, events in any.
    fn find(&mut self, recorded: &Value) -> bool {
        let kind = text(recorded, "kind");
        let name = text(recorded, "name");
        let name = self.name_of(&kind, &name);
        let object = (kind, name);
        let from = self.reached.get(&object).copied().unwrap_or(0);
        let wanted = row::comparable(recorded);
        let found = (from..self.ours.len()).find(|index| {
            let ours = &self.ours[*index];
            let same = ours.kind == object.0 && ours.name == object.1 && !ours.used;
            same && row::comparable(&self.names.translate(&ours.row)) == wanted
        });
        let Some(found) = found else {
            return false;
        };
        self.ours[found].used = true;
        self.writes.note("", None);
        if object.0 != "Event" {
            self.reached.insert(object, found + 1);
        }
        true
    }

    fn name_of_slice(&self) -> String {
        let slice = self.ours.iter().find(|it| it.kind == "EndpointSlice");
        slice.map(|it| it.name.clone()).unwrap_or_default()
    }

    /// Our writes of an object, for whoever reads a failure.
    fn told_of(&self, recorded: &Value) -> String {
        let (kind, name) = (text(recorded, "kind"), text(recorded, "name"));
        let name = self.names.ours(&name).unwrap_or(&name).to_owned();
        let ours = self
            .ours
            .iter()
            .filter(|it| it.kind == kind && it.name == name && !it.used);
        ours.map(|it| format!("\n    ours: {}", self.names.translate(&it.row)))
            .collect()
    }
}

fn text(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}

/// The addresses of the recorded pods, as slices of endpoints tell them.
fn addresses(recorded: &[Value]) -> BTreeMap<String, String> {
    let slices = recorded
        .iter()
        .filter_map(|row| row["endpoints"].as_array());
    let endpoint = |it: &Value| {
        (
            text(it, "pod"),
            it["addresses"][0].as_str().unwrap().to_owned(),
        )
    };
    slices.flatten().map(endpoint).collect()
}
