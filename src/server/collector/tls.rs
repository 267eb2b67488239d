//! TLS for IPFIX connections (RFC 7011 §11): TLS 1.2 and 1.3, a certificate and key, and who may connect.
//!
//! Files are read when the process starts, before a port is bound; what is wrong with them is a configuration error that
//! says what to do. They are not read again while it runs. A client certificate is checked against the
//! authorities given; the names in it are not compared with the exporter's address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

/// Section `[listen.tls]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Addresses with port. Default: 4740 on all addresses.
    pub addresses: Option<Vec<SocketAddr>>,
    /// PEM file of the certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// PEM file of the certificate's private key, not encrypted.
    pub key: PathBuf,
    /// PEM file of the authorities that exporters' certificates come from. Default: none, and no exporter is asked for one.
    pub client_ca: Option<PathBuf>,
    /// `required` or `optional`. Default `required` when `client_ca` is given.
    pub client_certificates: Option<ClientCertificates>,
}

/// Whether exporters have to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// Who shows none is refused.
    Required,
    /// Who shows none is accepted; who shows a wrong one is refused.
    Optional,
}

/// Why there is no TLS. The text says what to do.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file could not be read or is no PEM file.
    #[error(
        "listen.tls.{key}: cannot read {path}: {fault}; name a PEM file with {wanted} that this process may read"
    )]
    File {
        /// Key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What should be in it.
        wanted: &'static str,
        /// What is wrong.
        fault: String,
    },
    /// Certificate and key do not belong together.
    #[error(
        "listen.tls.key: {key} is not the key of {certificate}; name the key that the certificate was made for"
    )]
    Mismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// The certificate, its key or an authority cannot be used.
    #[error("listen.tls.{key}: {path} cannot be used: {fault}")]
    Unusable {
        /// Key of the configuration.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        fault: String,
    },
    /// Nothing to check client certificates against.
    #[error(
        "listen.tls.client_certificates: needs listen.tls.client_ca, a PEM file of the authorities that exporters' certificates come from"
    )]
    NoClientAuthority,
}

impl Settings {
    /// Reads the files.
    pub fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let certificates = certificates("certificate", &self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| unreadable("key", &self.key, "a PRIVATE KEY that is not encrypted", &error))?;
        let fault = |error: rustls::Error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            error => unusable("certificate", &self.certificate, &error),
        };
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(fault)?;
        let config = match self.client_verifier(provider)? {
            Some(verifier) => config.with_client_cert_verifier(verifier),
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(certificates, key).map_err(fault)?;
        // Exporters only write. A ticket that nobody reads would make the kernel of an exporter that closes its socket
        // reset the connection, and throw away what it has not sent yet.
        config.send_tls13_tickets = 0;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Whether exporters need a certificate, in words.
    pub const fn asked_of_exporters(&self) -> &'static str {
        match (&self.client_ca, self.client_certificates) {
            (None, _) => "exporters need none",
            (_, Some(ClientCertificates::Optional)) => "exporters may show one",
            _ => "exporters have to show one",
        }
    }

    fn client_verifier(
        &self,
        provider: Arc<rustls::crypto::CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
        let Some(path) = &self.client_ca else {
            return if self.client_certificates.is_some() {
                Err(TlsError::NoClientAuthority)
            } else {
                Ok(None)
            };
        };
        let mut authorities = RootCertStore::empty();
        for authority in certificates("client_ca", path)? {
            authorities.add(authority).map_err(|error| unusable("client_ca", path, &error))?;
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider);
        let verifier = match self.client_certificates {
            Some(ClientCertificates::Optional) => verifier.allow_unauthenticated(),
            Some(ClientCertificates::Required) | None => verifier,
        };
        verifier.build().map(Some).map_err(|error| unusable("client_ca", path, &error))
    }
}

fn unusable(key: &'static str, path: &Path, error: &dyn std::error::Error) -> TlsError {
    TlsError::Unusable { key, path: path.to_owned(), fault: error.to_string() }
}

/// The certificates of a PEM file, at least one.
fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fault = |error: &pem::Error| unreadable(key, path, "a CERTIFICATE", error);
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(&error))?;
    if certificates.is_empty() { Err(fault(&pem::Error::NoItemsFound)) } else { Ok(certificates) }
}

fn unreadable(key: &'static str, path: &Path, wanted: &'static str, error: &pem::Error) -> TlsError {
    let fault = match error {
        pem::Error::Io(error) => error.to_string(),
        pem::Error::NoItemsFound => "it holds none".to_owned(),
        error => error.to_string(),
    };
    TlsError::File { key, path: path.to_owned(), wanted, fault }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    /// A folder with two certificates and their keys, and settings that name the first.
    fn settings() -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            let key = KeyPair::generate().unwrap();
            let certificate =
                CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
            std::fs::write(folder.path().join(name).with_extension("pem"), certificate.pem()).unwrap();
            std::fs::write(folder.path().join(name).with_extension("key"), key.serialize_pem()).unwrap();
        }
        let settings = Settings {
            addresses: None,
            certificate: folder.path().join("a.pem"),
            key: folder.path().join("a.key"),
            client_ca: None,
            client_certificates: None,
        };
        (folder, settings)
    }

    #[test]
    fn every_wrong_file_is_an_error_that_names_its_key_and_says_what_to_do() {
        let (folder, good) = settings();
        assert!(good.acceptor().is_ok());
        let file = |name| folder.path().join(name);
        let cases = [
            (
                Settings { certificate: file("none.pem"), ..good.clone() },
                "listen.tls.certificate: cannot read",
            ),
            (Settings { certificate: file("a.key"), ..good.clone() }, "name a PEM file with a CERTIFICATE"),
            (Settings { key: file("a.pem"), ..good.clone() }, "a PRIVATE KEY that is not encrypted"),
            (
                Settings { key: file("b.key"), ..good.clone() },
                "name the key that the certificate was made for",
            ),
            (
                Settings { client_ca: Some(file("b.key")), ..good.clone() },
                "listen.tls.client_ca: cannot read",
            ),
            (
                Settings { client_certificates: Some(ClientCertificates::Optional), ..good.clone() },
                "needs listen.tls.client_ca",
            ),
        ];
        for (settings, expected) in cases {
            let message = settings.acceptor().err().unwrap().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
