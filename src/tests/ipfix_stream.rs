//! IPFIX over TCP and TLS, seen from outside: real connections into a whole collector, and its account of them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::admission::Admission;
use meridian::server::collector::counters::Counters;
use meridian::server::collector::inlet::{self, Kind};
use meridian::server::collector::intake::Intake;
use meridian::server::collector::running::Collector;
use meridian::server::collector::steering::Steering;
use meridian::server::collector::tcp_listener::{
    ConnectionCounts, End, Limits, Listener, Refusal, StreamListeners,
};
use meridian::server::collector::tls::{ClientCertificates, Settings};
use meridian::server::geolocation::{self, Current, Geolocation};
use meridian::server::transport::{Batches, InProcess};
use meridian::server::wire::encode::{Exporter, Message};
use meridian::server::wire::ipfix;
use meridian::server::wire::reader::Reader;
use meridian::server::wire::template::{Definition, Field};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

const PATIENCE: Duration = Duration::from_secs(20);

/// A collector with one listener for connections on a free port.
struct Server {
    collector: Collector,
    streams: StreamListeners,
    address: SocketAddr,
    /// Nobody reads them: the live feed may drop, the collector counts.
    _batches: Batches,
}

impl Server {
    fn start(limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        Self::admitting(Admission::default(), limits, tls)
    }

    fn admitting(admission: Admission, limits: Limits, tls: Option<TlsAcceptor>) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), tls).unwrap();
        let address = listener.address();
        let (live, batches) = InProcess::channel();
        let geolocation = Geolocation::without_databases(&geolocation::Settings::default());
        let intake = Intake::new(meridian::server::collector::limits::Limits::default(), Arc::default());
        let geolocation = Arc::new(Current::new(geolocation));
        let collector =
            Collector::start(Vec::new(), &Steering::default(), vec![intake], &geolocation, &live, None)
                .unwrap();
        let inlets = collector.inlets();
        let streams =
            StreamListeners::start(vec![listener], limits, admission, move |address| inlets.of(address))
                .unwrap();
        Self { collector, streams, address, _batches: batches }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn counters(&self) -> Counters {
        self.collector.report().counters
    }

    fn counts(&self) -> ConnectionCounts {
        self.streams.counts()[0]
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut looks = interval(Duration::from_millis(2));
        let looking = async {
            while !is_so(self) {
                looks.tick().await;
            }
        };
        let is_in_time = timeout(PATIENCE, looking).await.is_ok();
        assert!(is_in_time, "not in time: {what}\n{:?}\n{:?}", self.counts(), self.counters());
    }

    /// Waits until so many flow records were decoded.
    async fn until_flows(&self, flows: u64) {
        self.until("flows", |server| server.counters().traffic.flows >= flows).await;
        assert_eq!(self.counters().traffic.flows, flows);
    }
}

fn flows(count: u16) -> Vec<FlowRecord> {
    let flow = |number| FlowRecord {
        source_address: IpAddr::from([10, 0, 0, 1]),
        destination_address: IpAddr::from([198, 51, 100, 7]),
        source_port: number,
        destination_port: 443,
        protocol: 6,
        bytes: 100 + u64::from(number),
        packets: 2,
        ..FlowRecord::default()
    };
    (0..count).map(flow).collect()
}

/// Messages with these flows, one after the other.
fn messages(exporter: &mut Exporter, flows: &[FlowRecord]) -> Vec<u8> {
    let now_ms = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    exporter.datagrams(flows, now_ms, 0).concat()
}

fn stream_of(count: u16) -> Vec<u8> {
    messages(&mut Exporter::new(Protocol::Ipfix, 1), &flows(count))
}

/// Waits until the server has closed the connection, by an end or a reset; false if it does not.
async fn is_closed(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_connections_at_once_lose_nothing_and_forget_their_templates_when_they_end() {
    const CONNECTIONS: u16 = 200;
    let server = Server::start(Limits { connections_per_address: 1_000, ..Limits::default() }, None);
    let sending = (0..CONNECTIONS).map(|number| {
        let address = server.address;
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let bytes = messages(&mut Exporter::new(Protocol::Ipfix, u32::from(number)), &flows(500));
            for portion in bytes.chunks(1 + usize::from(number) * 37) {
                stream.write_all(portion).await.unwrap();
            }
            stream
        })
    });
    let mut streams = Vec::new();
    for sending in sending.collect::<Vec<_>>() {
        streams.push(sending.await.unwrap());
    }
    server.until_flows(u64::from(CONNECTIONS) * 500).await;
    let counters = server.counters();
    assert_eq!(
        counters.traffic.bytes,
        u64::from(CONNECTIONS) * (0..500).map(|number| 100 + number).sum::<u64>()
    );
    assert_eq!((counters.sequence_gaps, counters.sets_without_template), (0, 0));
    assert_eq!(counters.stream_messages, counters.datagrams);
    assert_eq!(server.counts().open(), u64::from(CONNECTIONS));
    drop(streams);
    server.until("closed", |server| server.counts().closed(End::Exporter) == u64::from(CONNECTIONS)).await;
    server.until("forgotten", |server| server.counters().templates_ended == 2 * u64::from(CONNECTIONS)).await;
    let counts = server.counts();
    assert_eq!((counts.open(), counts.messages, counts.discarded_bytes), (0, counters.stream_messages, 0));
    assert_eq!(counts.bytes, counters.datagram_bytes);
}

#[tokio::test]
async fn a_message_split_over_many_segments_is_one_message() {
    let server = Server::start(Limits::default(), None);
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for (count, byte) in stream_of(3).chunks(1).enumerate() {
        // Whatever was sent has been read before the next byte is.
        server.until("the byte before", |server| server.counts().bytes == count as u64).await;
        stream.write_all(byte).await.unwrap();
    }
    server.until_flows(3).await;
    assert_eq!(server.counts().messages, 1);
}

#[tokio::test]
async fn what_is_no_ipfix_closes_its_connection_counted_and_no_other() {
    let server = Server::start(Limits::default(), None);
    let mut other = server.connect().await;
    for (bad, end) in [
        (&b"GET /metrics HTTP/1.1\r\n\r\n"[..], End::UnknownVersion),
        (&[0, 9, 0, 1, 0, 0], End::UnknownVersion),
        (&[0, 10, 0, 15, 0, 0], End::MessageLength),
    ] {
        let before = server.counts();
        let mut stream = server.connect().await;
        stream.write_all(&[&stream_of(2), bad].concat()).await.unwrap();
        assert!(is_closed(&mut stream).await);
        server.until("counted", |server| server.counts().closed(end) == before.closed(end) + 1).await;
        assert_eq!(server.counts().discarded_bytes - before.discarded_bytes, bad.len() as u64);
    }
    server.until_flows(6).await;
    other.write_all(&stream_of(1)).await.unwrap();
    server.until_flows(7).await;
    assert_eq!(server.counts().open(), 1);
}

#[tokio::test]
async fn a_connection_that_ends_within_a_message_is_counted_with_what_was_lost() {
    let server = Server::start(Limits::default(), None);
    let mut stream = server.connect().await;
    let (whole, cut) = (stream_of(2), stream_of(5));
    stream.write_all(&[&whole[..], &cut[..100]].concat()).await.unwrap();
    drop(stream);
    server.until("counted", |server| server.counts().closed(End::Truncated) == 1).await;
    server.until_flows(2).await;
    let counts = server.counts();
    assert_eq!((counts.discarded_bytes, counts.bytes), (100, whole.len() as u64 + 100));
}

#[tokio::test]
async fn who_is_not_admitted_takes_no_place_and_is_listed() {
    let admission = Admission::new(vec!["127.0.0.1".parse().unwrap()]);
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Server::admitting(admission, limits, None);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    assert!(is_closed(&mut socket.connect(server.address).await.unwrap()).await);
    server.connect().await.write_all(&stream_of(2)).await.unwrap();
    server.until_flows(2).await;
    let (counts, listed) = (server.counts(), server.collector.report().not_admitted.clone());
    assert_eq!((counts.refused(Refusal::NotAdmitted), counts.accepted), (1, 1));
    assert_eq!((listed[0].address, listed[0].datagrams), (IpAddr::from([127, 0, 0, 9]), 1));
    assert_eq!(server.counters().imbalance(), None);
}

#[tokio::test]
async fn connections_are_bounded_for_each_address_and_in_all_and_refusals_counted() {
    let limits = Limits { connections_per_address: 2, connections: 3, ..Limits::default() };
    let server = Server::start(limits, None);
    let connect_from = async |last: u8| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
        socket.connect(server.address).await.unwrap()
    };
    let mut first = connect_from(1).await;
    let _second = connect_from(1).await;
    assert!(is_closed(&mut connect_from(1).await).await);
    assert_eq!(server.counts().refused(Refusal::AddressFull), 1);
    let _third = connect_from(2).await;
    assert!(is_closed(&mut connect_from(3).await).await);
    assert_eq!(server.counts().refused(Refusal::Full), 1);
    server.until("three connections", |server| server.counts().open() == 3).await;
    first.shutdown().await.unwrap();
    assert!(is_closed(&mut first).await);
    server.until("a free place", |server| server.counts().open() == 2).await;
    connect_from(1).await.write_all(&stream_of(4)).await.unwrap();
    server.until_flows(4).await;
}

#[tokio::test]
async fn a_connection_without_a_whole_message_is_closed_after_the_idle_timeout() {
    let server =
        Server::start(Limits { idle_timeout: Duration::from_millis(300), ..Limits::default() }, None);
    let mut stream = server.connect().await;
    stream.write_all(&stream_of(2)).await.unwrap();
    // A header is no whole message.
    stream.write_all(&[0, 10, 0, 99]).await.unwrap();
    assert!(is_closed(&mut stream).await);
    server.until("counted", |server| server.counts().closed(End::Idle) == 1).await;
    server.until_flows(2).await;
    assert_eq!(server.counts().discarded_bytes, 4);
}

fn message(sequence: u32) -> Message {
    let export_time_s = u32::try_from(UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    Message::ipfix(&ipfix::Header { length: 0, export_time_s, sequence, observation_domain: 1 })
}

fn definition(id: u16, fields: &[(u16, u16)]) -> Definition {
    let field = |&(element, length)| Field { element, enterprise: 0, length };
    Definition { id, is_options: false, scope_count: 0, fields: fields.iter().map(field).collect() }
}

#[tokio::test]
async fn an_exporter_that_restarts_uses_the_same_id_for_another_layout() {
    let server = Server::start(Limits::default(), None);
    let mut first = message(0);
    first.template(&definition(256, &[(7, 2), (1, 4)]));
    first.begin_set(256);
    first.record(&definition(256, &[(7, 2), (1, 4)]), [&[0, 80][..], &[0, 0, 0, 9]]);
    let mut stream = server.connect().await;
    stream.write_all(&first.finish()).await.unwrap();
    drop(stream);
    server.until_flows(1).await;
    // The new connection knows nothing of the old one's template.
    let mut early = message(0);
    early.begin_set(256);
    early.record(&definition(256, &[(1, 4)]), [&[0, 0, 1, 0][..]]);
    let mut second = message(0);
    second.template(&definition(256, &[(1, 4)]));
    second.begin_set(256);
    second.record(&definition(256, &[(1, 4)]), [&[0, 0, 1, 0][..]]);
    let mut stream = server.connect().await;
    stream.write_all(&[early.finish(), second.finish()].concat()).await.unwrap();
    server.until_flows(2).await;
    let counters = server.counters();
    assert_eq!((counters.traffic.bytes, counters.sets_without_template), (9 + 256, 1));
    assert_eq!((counters.templates_redefined, counters.templates_ended), (0, 1));
    assert_eq!(counters.sequence_gaps, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_before_the_stop_is_handed_on_and_new_connections_are_refused() {
    let server = Server::start(Limits::default(), None);
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        stream.write_all(&stream_of(1_000)).await.unwrap();
        streams.push(stream);
    }
    server.until("accepted", |server| server.counts().accepted == 20).await;
    timeout(Duration::from_secs(5), server.streams.stop()).await.expect("stopping takes too long");
    server.collector.stop();
    assert_eq!(server.counters().traffic.flows, 20_000);
    assert_eq!((server.counts().closed(End::Stopped), server.counts().discarded_bytes), (20, 0));
    for mut stream in streams {
        assert!(is_closed(&mut stream).await);
    }
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_busy_collecting_thread_slows_the_exporter_and_loses_nothing() {
    const MESSAGES: u32 = 20_000;
    let (inlet, mut outlet) = inlet::channel().unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), None).unwrap();
    let address = listener.address();
    let streams =
        StreamListeners::start(vec![listener], Limits::default(), Admission::default(), move |_| {
            inlet.clone()
        })
        .unwrap();
    let sending = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        for sequence in 0..MESSAGES {
            let mut message = message(sequence);
            message.begin_set(256);
            message.record(&definition(256, &[(1, 0)]), [&[1; 1_400][..]]);
            stream.write_all(&message.finish()).await.unwrap();
        }
    });
    let mut looks = interval(Duration::from_millis(2));
    let (mut next, mut most_waiting, mut has_ended) = (0, 0, false);
    let taking = async {
        while !has_ended {
            // The kernel's buffers and the channel are full, and the exporter waits.
            let waiting = streams.counts()[0].messages.saturating_sub(next.into());
            most_waiting = most_waiting.max(waiting);
            if waiting < 256 && !sending.is_finished() {
                looks.tick().await;
                continue;
            }
            for taken in outlet.take(100) {
                let Kind::Data(data) = taken.kind else {
                    has_ended = true;
                    break;
                };
                assert_eq!(ipfix::Header::parse(&mut Reader::new(&data)).unwrap().sequence, next);
                next += 1;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, taking).await.unwrap();
    assert_eq!((next, most_waiting), (MESSAGES, 256));
}

/// An authority, and what it signs, as PEM files.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::default()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { folder, issuer: Issuer::new(params, key) }
    }

    /// Signs a new certificate; answers where it and its key are.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        std::fs::write(file("pem"), params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        (file("pem"), file("key"))
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn server(&self, client_ca: Option<&Self>, certificates: Option<ClientCertificates>) -> Server {
        let (certificate, key) = self.sign("collector.test");
        let settings = Settings {
            addresses: None,
            certificate,
            key,
            client_ca: client_ca.map(Self::file),
            client_certificates: certificates,
        };
        let limits = Limits { handshake_timeout: Duration::from_secs(1), ..Limits::default() };
        Server::start(limits, Some(settings.acceptor().unwrap()))
    }

    /// Connects as an exporter that trusts this authority and shows a certificate of another, if any.
    async fn connect(
        &self,
        server: &Server,
        versions: &[&'static SupportedProtocolVersion],
        certificate: Option<(PathBuf, PathBuf)>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file()).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match certificate {
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_file(certificate).unwrap();
                let key = PrivateKeyDer::from_pem_file(key).unwrap();
                config.with_client_auth_cert(vec![certificate], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        let name = ServerName::try_from("collector.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
    }
}

/// Sends, whether or not it is wanted: TLS 1.3 tells a client late that it is refused.
async fn try_to_send(stream: std::io::Result<TlsStream<TcpStream>>, bytes: &[u8]) {
    if let Ok(mut stream) = stream {
        let sent = send(&mut stream, bytes).await;
        assert!(is_closed(&mut stream).await, "{sent:?}");
    }
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

const BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

#[tokio::test]
async fn messages_arrive_over_tls_of_both_versions() {
    let authority = Authority::new();
    let server = authority.server(None, None);
    for (number, version) in (1..).zip(BOTH) {
        let mut stream = authority.connect(&server, &[version], None).await.unwrap();
        send(&mut stream, &stream_of(700)).await.unwrap();
        server.until_flows(700 * number).await;
        // The socket alone is closed, as many exporters do.
        drop(stream);
        server.until("closed", |server| server.counts().closed(End::Exporter) == number).await;
    }
    let status = server.streams.status();
    assert_eq!((status[0].transport.label(), status[0].connections), ("tls", 0));
    assert_eq!(server.counts().bytes, server.counters().datagram_bytes);
}

#[tokio::test]
async fn who_shows_no_certificate_or_one_of_another_authority_is_refused_and_counted() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let server = authority.server(Some(&clients), None);
    let mut refused = 0;
    for version in BOTH {
        for certificate in [None, Some(others.sign("exporter.test"))] {
            let stream = authority.connect(&server, &[version], certificate).await;
            try_to_send(stream, &stream_of(5)).await;
            refused += 1;
            server
                .until("refused", |server| server.counts().refused(Refusal::ClientCertificate) == refused)
                .await;
        }
    }
    let certificate = Some(clients.sign("exporter.test"));
    let mut stream = authority.connect(&server, &BOTH, certificate).await.unwrap();
    send(&mut stream, &stream_of(5)).await.unwrap();
    server.until_flows(5).await;
    assert_eq!((server.counts().accepted, server.counts().open()), (1, 1));
}

#[tokio::test]
async fn optional_certificates_may_be_missing_but_not_wrong() {
    let (authority, clients, others) = (Authority::new(), Authority::new(), Authority::new());
    let server = authority.server(Some(&clients), Some(ClientCertificates::Optional));
    let mut without = authority.connect(&server, &BOTH, None).await.unwrap();
    send(&mut without, &stream_of(3)).await.unwrap();
    server.until_flows(3).await;
    let wrong = authority.connect(&server, &BOTH, Some(others.sign("exporter.test"))).await;
    try_to_send(wrong, &stream_of(5)).await;
    server.until("refused", |server| server.counts().refused(Refusal::ClientCertificate) == 1).await;
    assert_eq!(server.counts().accepted, 1);
}

#[tokio::test]
async fn what_is_no_tls_or_stays_silent_is_refused_and_counted() {
    let authority = Authority::new();
    let server = authority.server(None, None);
    let mut silent = server.connect().await;
    let mut plain = server.connect().await;
    plain.write_all(&stream_of(5)).await.unwrap();
    assert!(is_closed(&mut plain).await && is_closed(&mut silent).await);
    server.until("silence", |server| server.counts().refused(Refusal::HandshakeTimeout) == 1).await;
    assert_eq!(server.counts().refused(Refusal::Handshake), 1);
    assert_eq!((server.counts().accepted, server.counters().datagrams), (0, 0));
}

/// A capture of UDP packets, `flows` conversations of one to five packets; with what they add up to in IP bytes and packets.
fn capture(path: &Path, flows: u16) -> (u64, u64) {
    let (mut bytes, mut packets) = (0, 0);
    let mut file: Vec<u8> = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1].map(u32::to_le_bytes).concat();
    for number in 0..flows {
        for second in 0..=u32::from(number % 5) {
            let payload = vec![0; usize::from(10 + number % 100)];
            let udp_length = u16::try_from(8 + payload.len()).unwrap();
            let total_length = 20 + udp_length;
            let [high, low] = number.to_be_bytes();
            let mut header: Vec<u8> = vec![0x45, 0];
            header.extend(total_length.to_be_bytes());
            header.extend([0, 1, 0, 0, 64, 17, 0, 0, 10, 1, high, low, 198, 51, 100, 7]);
            let mut sum: u32 =
                header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
            sum = (sum & 0xffff) + (sum >> 16);
            header[10..12].copy_from_slice(&(!u16::try_from(sum).unwrap()).to_be_bytes());
            let mut packet = [&[2; 12][..], &[8, 0], &header].concat();
            for word in [20_000 + number, 53, udp_length, 0] {
                packet.extend(word.to_be_bytes());
            }
            packet.extend(payload);
            let length = u32::try_from(packet.len()).unwrap();
            file.extend([1_790_000_000 + second, 0, length, length].map(u32::to_le_bytes).concat());
            file.extend(packet);
            bytes += u64::from(total_length);
            packets += 1;
        }
    }
    std::fs::write(path, file).unwrap();
    (bytes, packets)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_softflowd_over_tcp_has_its_exact_totals() {
    let server = Server::start(Limits::default(), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("udp.pcap");
    let (bytes, packets) = capture(&path, 2_000);
    let mut softflowd = std::process::Command::new("softflowd")
        .args(["-P", "tcp", "-v", "10", "-a", "-n", &server.address.to_string(), "-r"])
        .arg(&path)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("softflowd is missing: `make test` says how to install it");
    let ended = timeout(PATIENCE, async {
        let mut looks = interval(Duration::from_millis(10));
        loop {
            if let Some(status) = softflowd.try_wait().unwrap() {
                return status;
            }
            looks.tick().await;
        }
    });
    let status = ended.await;
    if status.is_err() {
        softflowd.kill().unwrap();
    }
    assert!(status.expect("softflowd does not end").success());
    server.until_flows(2_000).await;
    server.until("closed", |server| server.counts().closed(End::Exporter) == 1).await;
    let counters = server.counters();
    assert_eq!((counters.traffic.bytes, counters.traffic.packets), (bytes, packets));
    assert_eq!((counters.sequence_gaps, counters.sets_without_template), (0, 0));
    assert_eq!(counters.undecodable_sets.iter().chain(&counters.undecodable_datagrams).sum::<u64>(), 0);
    assert_eq!(server.counts().discarded_bytes, 0);
}
