//! Istio's traffic rules, pure: model, validation, compilation, decisions
