//! The webhook's rules for TLS towards a host.

use super::Complaints;
use crate::model::ClientTls;

pub(super) fn check(tls: &ClientTls, complaints: &mut Complaints) {
    let mutual = tls.mode == "MUTUAL";
    let own_certificates = mutual || tls.mode == "SIMPLE";
    if tls.insecure_skip_verify {
        unverified(tls, complaints);
    }
    if own_certificates && !tls.credential_name.is_empty() {
        let files = [
            &tls.client_certificate,
            &tls.ca_certificates,
            &tls.private_key,
            &tls.ca_crl,
        ];
        complaints.check(files.iter().all(|file| file.is_empty()), || {
            "cannot specify client certificates or CA certificate or CA CRL If credentialName is set"
                .to_owned()
        });
    } else if mutual {
        complaints.check(!tls.client_certificate.is_empty(), || {
            "client certificate required for mutual tls".to_owned()
        });
        complaints.check(!tls.private_key.is_empty(), || {
            "private key required for mutual tls".to_owned()
        });
    }
}

/// Nothing may say how to verify what is not verified.
fn unverified(tls: &ClientTls, complaints: &mut Complaints) {
    let says_who = !tls.ca_certificates.is_empty() || !tls.subject_alt_names.is_empty();
    match tls.mode.as_str() {
        "SIMPLE" if says_who || !tls.credential_name.is_empty() => complaints.add(
            "cannot specify CaCertificates or CredentialName or SubjectAltNames when \
             InsecureSkipVerify is set true",
        ),
        "MUTUAL" if says_who => complaints.add(
            "cannot specify CaCertificates or SubjectAltNames when InsecureSkipVerify is set true",
        ),
        _ => {}
    }
}
