//! An API server's judgement without a server: strict decoding, Kubernetes' rules, the schemas of
//! Istio's definitions, istiod's rules.

use std::sync::Arc;

use apiserver::store::{RingLimits, Store, SystemSource};
use lab::admission::Rules;
use lab::facts::CLUSTERS;
use lab::fresh;
use lab::network::Addresses;
use serde_json::Value;

/// Creates the objects one after the other in a fresh cluster: what they need must be among them, and
/// before them.
pub(super) fn accepts(objects: Vec<Value>) -> Result<(), String> {
    let [facts, _] = CLUSTERS;
    let addresses = Addresses::of_cluster(facts.number);
    let there = fresh::objects(facts, &addresses).unwrap();
    let store = Store::new(Arc::new(SystemSource), RingLimits::default());
    let rules = Rules::new(store, &addresses);
    for object in there.into_iter().chain(objects) {
        let name = super::name(&object);
        let created = rules.create(object, None);
        created.map_err(|refusal| format!("{name}: {refusal:#}"))?;
    }
    Ok(())
}
