//! Which files a volume has: from ConfigMaps, Secrets and the pod itself. Pure but for looking up.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, DownwardAPIVolumeFile, KeyToPath, Volume};

use super::super::downward;
use super::super::environment::{Holder, Lookup};
use super::super::pod::PodRun;

/// Contents by relative path.
pub(in crate::kubelet) type Files = BTreeMap<String, Vec<u8>>;

/// An object whose entries become files.
struct Source<'a> {
    holder: Holder,
    name: &'a str,
    items: Option<&'a [KeyToPath]>,
    optional: bool,
}

/// The files of a volume; none where it is not made of objects.
///
/// # Errors
/// Which object or key is missing.
pub(super) fn of(volume: &Volume, pod: &PodRun) -> Result<Option<Files>, String> {
    if let Some(it) = &volume.config_map {
        let source = Source {
            holder: Holder::ConfigMap,
            name: &it.name,
            items: it.items.as_deref(),
            optional: it.optional == Some(true),
        };
        return entries(&source, pod).map(Some);
    }
    if let Some(it) = &volume.secret {
        let source = Source {
            holder: Holder::Secret,
            name: it.secret_name.as_deref().unwrap_or_default(),
            items: it.items.as_deref(),
            optional: it.optional == Some(true),
        };
        return entries(&source, pod).map(Some);
    }
    if let Some(it) = &volume.downward_api {
        return Ok(Some(told(it.items.as_deref().unwrap_or_default(), pod)));
    }
    volume
        .projected
        .as_ref()
        .map(|it| projected(it.sources.as_deref().unwrap_or_default(), pod))
        .transpose()
}

fn projected(
    sources: &[k8s_openapi::api::core::v1::VolumeProjection],
    pod: &PodRun,
) -> Result<Files, String> {
    let mut files = Files::new();
    for projection in sources {
        let config_map = projection.config_map.as_ref().map(|it| Source {
            holder: Holder::ConfigMap,
            name: &it.name,
            items: it.items.as_deref(),
            optional: it.optional == Some(true),
        });
        let secret = projection.secret.as_ref().map(|it| Source {
            holder: Holder::Secret,
            name: &it.name,
            items: it.items.as_deref(),
            optional: it.optional == Some(true),
        });
        for source in config_map.iter().chain(&secret) {
            files.extend(entries(source, pod)?);
        }
        if let Some(it) = &projection.downward_api {
            files.extend(told(it.items.as_deref().unwrap_or_default(), pod));
        }
    }
    Ok(files)
}

fn entries(source: &Source<'_>, lookup: &dyn Lookup) -> Result<Files, String> {
    let (kind, name) = (source.holder.name(), source.name);
    let Some(data) = lookup.data(source.holder, name) else {
        return if source.optional {
            Ok(Files::new())
        } else {
            Err(format!("{kind} \"{name}\" not found"))
        };
    };
    let Some(items) = source.items else {
        return Ok(data);
    };
    let mut files = Files::new();
    for item in items.iter().filter(|item| is_inside(&item.path)) {
        match data.get(&item.key) {
            Some(content) => {
                files.insert(item.path.clone(), content.clone());
            }
            None if source.optional => {}
            None => return Err(format!("references non-existent {kind} key: {}", item.key)),
        }
    }
    Ok(files)
}

fn told(items: &[DownwardAPIVolumeFile], pod: &PodRun) -> Files {
    let nobody = Container::default();
    let value = |item: &DownwardAPIVolumeFile| match (&item.field_ref, &item.resource_field_ref) {
        (Some(field), _) => downward::field(&field.field_path, &pod.pod, &pod.place),
        (None, Some(resource)) => downward::resource(resource, &pod.pod, &nobody),
        (None, None) => String::new(),
    };
    let inside = items.iter().filter(|item| is_inside(&item.path));
    inside
        .map(|item| (item.path.clone(), value(item).into_bytes()))
        .collect()
}

/// Kubernetes refuses paths that lead out of the volume; nothing that got past that is written.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && path
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with(".."))
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;
    use crate::kubelet::environment::Data;

    struct One;

    impl Lookup for One {
        fn data(&self, _: Holder, name: &str) -> Option<Data> {
            (name == "one").then(|| [("a".to_owned(), b"1".to_vec())].into())
        }

        fn namespace(&self) -> &str {
            "n"
        }
    }

    #[test]
    fn entries_become_files_under_the_names_asked_for() {
        let items: Vec<KeyToPath> =
            from_value(json!([{"key": "a", "path": "x/y"}, {"key": "a", "path": "../out"}]))
                .unwrap();
        let missing: Vec<KeyToPath> = from_value(json!([{"key": "b", "path": "b"}])).unwrap();
        let of = |name: &'static str, items: Option<&[KeyToPath]>, optional: bool| {
            entries(
                &Source {
                    holder: Holder::ConfigMap,
                    name,
                    items,
                    optional,
                },
                &One,
            )
        };
        let names = |files: Files| files.into_keys().collect::<Vec<_>>();
        assert_eq!(of("one", None, false).map(names), Ok(vec!["a".to_owned()]));
        assert_eq!(
            of("one", Some(&items), false).map(names),
            Ok(vec!["x/y".to_owned()])
        );
        assert_eq!(of("two", None, true).map(names), Ok(vec![]));
        assert_eq!(
            of("two", None, false),
            Err("configmap \"two\" not found".to_owned())
        );
        assert_eq!(
            of("one", Some(&missing), false),
            Err("references non-existent configmap key: b".to_owned())
        );
    }
}
