//! What results are measured against: bytes over one TLS connection on loopback, from a thread that does nothing but write to
//! one that does nothing but read, with the same library and the same cipher.

use std::error::Error;
use std::sync::Arc;
use std::thread::spawn;

use bytes::BytesMut;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Bytes of one write.
const CHUNK: usize = 256 << 10;

/// The reader's end.
pub struct Plain(TlsStream<TcpStream>);

impl Plain {
    /// Connects to a thread that writes whatever is asked for.
    pub async fn connect() -> Result<Plain, Box<dyn Error>> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())?;
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone())?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        // It ends with the connection.
        drop(spawn(move || runtime.block_on(write(listener, TlsAcceptor::from(Arc::new(server))))));
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        Ok(Plain(TlsConnector::from(Arc::new(client)).connect(name, tcp).await?))
    }

    /// Reads so many bytes into memory.
    pub async fn read(&mut self, bytes: usize) -> std::io::Result<BytesMut> {
        self.0.write_u64(bytes as u64).await?;
        self.0.flush().await?;
        let mut all = BytesMut::with_capacity(bytes);
        while all.len() < bytes {
            self.0.read_buf(&mut all).await?;
        }
        Ok(all)
    }
}

async fn write(listener: std::net::TcpListener, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let (tcp, _) = TcpListener::from_std(listener)?.accept().await?;
    tcp.set_nodelay(true)?;
    let mut stream = acceptor.accept(tcp).await?;
    let zeros = vec![0u8; CHUNK];
    loop {
        let mut left = stream.read_u64().await? as usize;
        while left > 0 {
            let piece = left.min(CHUNK);
            stream.write_all(&zeros[..piece]).await?;
            left -= piece;
        }
        stream.flush().await?;
    }
}
