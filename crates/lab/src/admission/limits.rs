//! LimitRanges: what a container gets that says nothing, and what it may ask for.

use std::collections::{BTreeMap, BTreeSet};

use apimachinery::quantity::Quantity;
use apiserver::admission::Review;
use apiserver::resource::rows;
use apiserver::status::Status;
use apiserver::store::Store;
use serde_json::{Value, json};

/// Where Kubernetes notes what it filled in.
const NOTE: &str = "kubernetes.io/limit-ranger";
/// Both lists of a pod's containers, and what Kubernetes calls one of them.
const LISTS: [(&str, &str); 2] = [
    ("containers", "container"),
    ("initContainers", "init container"),
];
/// Members of a LimitRange, and what they fill in.
const DEFAULTS: [(&str, &str, &str); 2] = [
    ("defaultRequest", "requests", "request"),
    ("default", "limits", "limit"),
];

/// Amounts by resource.
type Amounts = BTreeMap<String, Quantity>;

/// What something asks for and may use.
#[derive(Debug, Default)]
struct Resources {
    requests: Amounts,
    limits: Amounts,
}

/// Fills in what the containers of a new pod do not say.
pub(super) fn fill(store: &Store, namespace: &str, pod: &mut Value) {
    let mut notes = Vec::new();
    for range in store.list(&rows::LIMIT_RANGES, Some(namespace)).items {
        let items = range["spec"]["limits"].as_array().into_iter().flatten();
        let items: Vec<&Value> = items.filter(|it| it["type"] == "Container").collect();
        for (list, what) in LISTS {
            let containers = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                notes.extend(fill_container(container, what, &items));
            }
        }
    }
    if !notes.is_empty() {
        let note = format!("LimitRanger plugin set: {}", notes.join("; "));
        pod["metadata"]["annotations"][NOTE] = json!(note);
    }
}

fn fill_container(container: &mut Value, what: &str, items: &[&Value]) -> Vec<String> {
    let mut notes = Vec::new();
    for (member, of, word) in DEFAULTS {
        let mut set = BTreeSet::new();
        for (resource, amount) in items
            .iter()
            .filter_map(|it| it[member].as_object())
            .flatten()
        {
            let place = &mut container["resources"][of][resource];
            if place.is_null() {
                *place = amount.clone();
                set.insert(resource.as_str());
            }
        }
        if !set.is_empty() {
            let set: Vec<&str> = set.into_iter().collect();
            let name = container["name"].as_str().unwrap_or_default();
            notes.push(format!("{} {word} for {what} {name}", set.join(", ")));
        }
    }
    notes
}

/// Refuses what asks for less or more than the namespace allows.
///
/// # Errors
/// 403 in Kubernetes' words.
pub(super) fn check(store: &Store, review: &Review<'_>, object: &Value) -> Result<(), Status> {
    let mut faults = Vec::new();
    for range in store
        .list(&rows::LIMIT_RANGES, Some(review.namespace))
        .items
    {
        for item in range["spec"]["limits"].as_array().into_iter().flatten() {
            faults.extend(of_item(item, review, object));
        }
    }
    // Kubernetes says the same thing once, and several in brackets.
    let mut told = BTreeSet::new();
    faults.retain(|fault| told.insert(fault.clone()));
    let why = match faults.as_slice() {
        [] => return Ok(()),
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    };
    Err(Status::forbidden(review.resource, review.name, why))
}

fn of_item(item: &Value, review: &Review<'_>, object: &Value) -> Vec<String> {
    let kind = item["type"].as_str().unwrap_or_default();
    let is_pod = *review.resource == rows::PODS;
    let subjects: Vec<Resources> = match kind {
        "Container" if is_pod => containers(object).map(Resources::of).collect(),
        "Pod" if is_pod => vec![Resources::of_pod(object)],
        "PersistentVolumeClaim" if *review.resource == rows::PERSISTENT_VOLUME_CLAIMS => {
            return of_claim(item, &Resources::of(&object["spec"]));
        }
        _ => Vec::new(),
    };
    let faults = subjects.iter().map(|of| {
        let least = amounts(&item["min"]).into_iter();
        let least = least.filter_map(|(name, least)| of.below(kind, &name, least));
        let most = amounts(&item["max"]).into_iter();
        let most = most.filter_map(|(name, most)| of.above(kind, &name, most));
        let ratio = amounts(&item["maxLimitRequestRatio"]).into_iter();
        let ratio = ratio.filter_map(|(name, most)| of.beyond_ratio(kind, &name, most));
        least.chain(most).chain(ratio).collect::<Vec<_>>()
    });
    faults.flatten().collect()
}

/// A claim has no limits: what it asks for is what it gets.
fn of_claim(item: &Value, of: &Resources) -> Vec<String> {
    const KIND: &str = "PersistentVolumeClaim";
    let least = amounts(&item["min"]).into_iter();
    let least = least.filter_map(|(name, least)| of.below(KIND, &name, least));
    let most = amounts(&item["max"])
        .into_iter()
        .filter_map(|(name, most)| {
            let start = format!("maximum {name} usage per {KIND} is {most}");
            match of.requests.get(&name) {
                None => Some(format!("{start}.  No request is specified")),
                Some(it) if *it > most => Some(format!("{start}, but request is {it}")),
                Some(_) => None,
            }
        });
    least.chain(most).collect()
}

impl Resources {
    fn of(subject: &Value) -> Self {
        Self {
            requests: amounts(&subject["resources"]["requests"]),
            limits: amounts(&subject["resources"]["limits"]),
        }
    }

    /// Kubernetes: containers run together, one that starts before them alone.
    fn of_pod(pod: &Value) -> Self {
        let mut sum = Self::default();
        let is_sidecar = |it: &&Value| it["restartPolicy"] == "Always";
        let first: Vec<&Value> = list(pod, "initContainers").collect();
        let sidecars = first.iter().copied().filter(is_sidecar);
        let together = list(pod, "containers").chain(sidecars);
        for one in together.map(Self::of) {
            sum.join(one, |so_far, amount| so_far + amount);
        }
        for one in first.into_iter().filter(|it| !is_sidecar(it)) {
            sum.join(Self::of(one), Quantity::max);
        }
        sum
    }

    fn join(&mut self, other: Self, join: fn(Quantity, Quantity) -> Quantity) {
        let requests = (&mut self.requests, other.requests);
        for (total, part) in [requests, (&mut self.limits, other.limits)] {
            for (name, amount) in part {
                let so_far = total.entry(name).or_default();
                *so_far = join(*so_far, amount);
            }
        }
    }

    fn below(&self, kind: &str, name: &str, least: Quantity) -> Option<String> {
        let start = format!("minimum {name} usage per {kind} is {least}");
        match (self.requests.get(name), self.limits.get(name)) {
            (None, _) => Some(format!("{start}.  No request is specified")),
            (Some(it), _) if *it < least => Some(format!("{start}, but request is {it}")),
            (_, Some(it)) if *it < least => Some(format!("{start}, but limit is {it}")),
            _ => None,
        }
    }

    fn above(&self, kind: &str, name: &str, most: Quantity) -> Option<String> {
        let start = format!("maximum {name} usage per {kind} is {most}");
        match (self.limits.get(name), self.requests.get(name)) {
            (None, _) => Some(format!("{start}.  No limit is specified")),
            (Some(it), _) if *it > most => Some(format!("{start}, but limit is {it}")),
            (_, Some(it)) if *it > most => Some(format!("{start}, but request is {it}")),
            _ => None,
        }
    }

    fn beyond_ratio(&self, kind: &str, name: &str, most: Quantity) -> Option<String> {
        let start = format!("{name} max limit to request ratio per {kind} is {most}, but");
        let given = |of: &Amounts| of.get(name).map(|it| it.thousandths()).filter(|it| *it > 0);
        let Some(request) = given(&self.requests) else {
            return Some(format!("{start} no request is specified or request is 0"));
        };
        let Some(limit) = given(&self.limits) else {
            return Some(format!("{start} no limit is specified or limit is 0"));
        };
        #[expect(clippy::cast_precision_loss, reason = "a ratio needs no more")]
        let (ratio, most) = (
            limit as f64 / request as f64,
            most.thousandths() as f64 / 1000.0,
        );
        (ratio > most).then(|| format!("{start} provided ratio is {ratio:.6}"))
    }
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    LISTS.into_iter().flat_map(|(name, _)| list(pod, name))
}

fn list<'a>(pod: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    pod["spec"][name].as_array().into_iter().flatten()
}

fn amounts(of: &Value) -> Amounts {
    let members = of.as_object().into_iter().flatten();
    members
        .filter_map(|(name, amount)| Some((name.clone(), Quantity::parse(amount.as_str()?)?)))
        .collect()
}

#[cfg(test)]
mod tests;
