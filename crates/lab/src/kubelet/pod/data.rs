//! What a pod's containers are told of ConfigMaps and Secrets of its namespace.

use apiserver::resource::rows;
use apiserver::store::Key;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

use super::PodRun;
use crate::kubelet::environment::{Data, Holder, Lookup};

impl Lookup for PodRun {
    fn data(&self, holder: Holder, name: &str) -> Option<Data> {
        let resource = match holder {
            Holder::ConfigMap => &rows::CONFIG_MAPS,
            Holder::Secret => &rows::SECRETS,
        };
        let object = self
            .kubelet
            .store
            .get(&Key::new(resource, &*self.key.namespace, name))
            .ok()?;
        let encoded = |text: &str| BASE64.decode(text).ok();
        let plain = |text: &str| Some(text.as_bytes().to_vec());
        let mut data = match holder {
            Holder::ConfigMap => entries(&object["data"], plain),
            Holder::Secret => entries(&object["data"], encoded),
        };
        data.extend(entries(&object["binaryData"], encoded));
        Some(data)
    }

    fn namespace(&self) -> &str {
        &self.key.namespace
    }
}

fn entries(data: &Value, decode: impl Fn(&str) -> Option<Vec<u8>>) -> Data {
    let entries = data.as_object().into_iter().flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), decode(value.as_str()?)?)))
        .collect()
}
