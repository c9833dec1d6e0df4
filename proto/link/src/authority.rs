//! The application's certificate authority and the identities that it issues.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Secret;

/// The one name that all certificates of an application carry.
pub(crate) const NAME: &str = "application.bobbin.internal";

/// A certificate authority that lives as long as its application.
#[derive(Clone)]
pub struct Authority {
    certificate_pem: String,
    key_pem: String,
}

/// What a part of the application shows to the others: a certificate of the application's authority, and its secret.
#[derive(Clone)]
pub struct Identity {
    /// The authority's certificate, PEM.
    pub authority_pem: String,
    /// Own certificate, PEM.
    pub certificate_pem: String,
    /// Own private key, PEM.
    pub key_pem: String,
    /// The application's secret.
    pub secret: Secret,
}

/// Certificates could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate library refused.
    #[error("make a certificate")]
    Make(#[from] rcgen::Error),
    /// PEM text that should hold a certificate or key does not.
    #[error("read the PEM text of a certificate or key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// TLS does not accept the certificates.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
    /// The authority's certificate cannot verify peers.
    #[error("set up the verification of peers")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl Authority {
    /// A fresh authority (ECDSA P-256).
    pub fn generate() -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let certificate = authority_parameters()?.self_signed(&key)?;
        Ok(Authority { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// The authority that [`Self::certificate_pem`] and [`Self::key_pem`] of an earlier one describe. Wrong text is
    /// found when a certificate is issued.
    pub fn from_pem(certificate_pem: impl Into<String>, key_pem: impl Into<String>) -> Self {
        Authority { certificate_pem: certificate_pem.into(), key_pem: key_pem.into() }
    }

    /// The authority's certificate, PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// The authority's private key, PEM. It goes into the application master's credentials and nowhere else.
    pub fn key_pem(&self) -> &str {
        &self.key_pem
    }

    /// A new certificate and key for one part of the application; `purpose` ("worker container_…") is only read by
    /// people.
    pub fn issue(&self, purpose: &str, secret: &Secret) -> Result<Identity, AuthorityError> {
        let issuer = Issuer::new(authority_parameters()?, KeyPair::from_pem(&self.key_pem)?);
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![NAME.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, purpose);
        // Strict verifiers, such as Python's, want to be told which key signed.
        params.use_authority_key_identifier_extension = true;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &issuer)?;
        Ok(Identity {
            authority_pem: self.certificate_pem.clone(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            secret: secret.clone(),
        })
    }
}

/// What all authorities have in common; they differ in their keys.
fn authority_parameters() -> Result<CertificateParams, AuthorityError> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    parameters.distinguished_name.push(DnType::CommonName, "bobbin application authority");
    Ok(parameters)
}

impl Identity {
    fn roots(&self) -> Result<Arc<RootCertStore>, AuthorityError> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority_pem.as_bytes())?)?;
        Ok(Arc::new(roots))
    }

    fn own(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), AuthorityError> {
        let certificate = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes())?;
        Ok((vec![certificate], PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())?))
    }

    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, AuthorityError> {
        let (chain, key) = self.own()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(self.roots()?)
            .with_client_auth_cert(chain, key)?;
        Ok(Arc::new(config))
    }

    pub(crate) fn server_config(&self) -> Result<Arc<ServerConfig>, AuthorityError> {
        let (chain, key) = self.own()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(self.roots()?, provider.clone()).build()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)?;
        // Connections live as long as the application: tickets would only cost a key and bytes.
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}
