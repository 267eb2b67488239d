//! All that a browser never sees. [`run`] is the whole process on one page.

pub mod archive;
pub mod backup;
pub mod collector;
pub mod config;
pub mod context;
pub mod data_lock;
mod export;
pub mod geolocation;
pub mod history;
pub mod home;
pub mod host_names;
pub mod http;
pub mod import;
pub mod live;
pub mod metrics;
pub mod replay;
pub mod reports;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod transport;
pub mod wire;

use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use self::collector::intake::Intake;
use self::collector::limits::Limits;
use self::collector::listener::Listener;
use self::collector::running::Collector;
use self::collector::saved_state::SavedExporter;
use self::collector::socket::group;
use self::collector::state_file::{StateFile, Writer};
use self::collector::steering::Steering;
use self::collector::tcp_listener::{self, StreamListeners};
use self::config::flags::{ExportFlags, ReportFlags, SummaryFormat};
use self::config::{Config, DEFAULT_TCP_PORT, DEFAULT_TLS_PORT, DEFAULT_UDP_PORTS};
use self::context::{Collecting, Context, Past};
use self::data_lock::{DataLock, LockError};
use self::geolocation::{Current, Geolocation};
use self::history::answers::History;
use self::history::handed::Handed;
use self::history::opening::{Kept, Opening};
use self::history::recorder::Recorder;
use self::history::recording::Recording;
use self::live::Hub;
use self::replay::Replays;
use self::reports::{Reports, wiring};
use self::transport::InProcess;

/// Open files wanted: clients of the stream, other connections, sockets and databases.
const OPEN_FILES: u64 = 4_096;

/// Why the process ended other than as asked.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// An address could not be bound.
    #[error("cannot listen on {what} {address}: {}", hint(source))]
    Bind {
        /// `UDP`, `TCP`, `TLS` or `HTTP`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process uses the data folder.
    #[error(transparent)]
    Held(#[from] LockError),
    /// A file could not be opened.
    #[error("{0}")]
    Input(String),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// Runs everything in one process until it is told to stop: build, bind, log, start, wait, drain.
pub fn run(config: Config) -> Result<(), RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let result = runtime.block_on(serve(config));
    // What still runs has had its time.
    runtime.shutdown_timeout(Duration::from_millis(200));
    if let Err(error) = &result {
        tracing::error!("{error}");
    }
    result
}

async fn serve(config: Config) -> Result<(), RunError> {
    let started_ms = collector::socket::now_us() / 1_000;
    let leptos = http::leptos_options(&config)?;
    http::check_site(&leptos)?;

    let tls = tls_acceptor(&config)?;
    // Held until the end. A folder that cannot be used is no reason not to show what comes.
    let _lock = match DataLock::hold(&config.data_dir) {
        Err(held @ LockError::Held { .. }) => return Err(held.into()),
        lock => lock.inspect_err(|error| tracing::error!("{error}")).ok(),
    };
    export::remove_leftovers(&config.data_dir);
    let steering = steering(&config);
    let listeners = bind_udp(&config, &steering)?;
    let stream_listeners = bind_tcp(&config, tls)?;
    let http = TcpListener::bind(leptos.site_addr).await.map_err(|source| RunError::Bind {
        what: "HTTP",
        address: leptos.site_addr,
        source,
    })?;
    for listener in &listeners {
        let granted_bytes = listener.memory().granted_bytes;
        tracing::info!(
            address = %listener.address(),
            workers = listener.workers(),
            receive_buffer_bytes = granted_bytes,
            "waiting for export datagrams"
        );
    }

    for listener in &stream_listeners {
        tracing::info!(address = %listener.address(), transport = listener.transport().label(), "waiting for IPFIX connections");
    }

    // Datagrams wait in the kernel's buffers while the databases load.
    let geolocation = load_geolocation(&config).await?;
    allow_many_files();
    let hub = Hub::new(live::Limits::default(), started_ms);
    let (readers, batches) = InProcess::channel();
    let (readers, recording, kept) = record(&config, readers).await?;
    let demo_target = listeners.first().map(Listener::address);
    let mut intakes =
        Intake::for_workers(Limits::default(), &Arc::new(config.rules.clone()), steering.workers());
    let (state_file, saved) = StateFile::open(config.state_file());
    restore(&mut intakes, &steering, saved.exporters);
    let writer = Writer::start(Arc::clone(&state_file), steering.workers())
        .context("cannot start the state's writer")?;
    let collector = Collector::start(listeners, &steering, intakes, &geolocation, &readers, Some(writer))
        .context("cannot start the collecting threads")?;
    // The queues end with the workers.
    drop(readers);
    let limits =
        tcp_listener::Limits { idle_timeout: config.idle_timeout, ..tcp_listener::Limits::default() };
    let (inlets, admission) = (collector.inlets(), config.rules.admission.clone());
    let streams =
        StreamListeners::start(stream_listeners, limits, admission, move |exporter| inlets.of(exporter))
            .context("cannot listen for connections")?;

    let stop = shutdown::on_signal().context("cannot listen for stop signals")?;
    let closing = CancellationToken::new();
    let history = Arc::new(History::new(kept, Arc::clone(&geolocation)));
    let replays = Replays::new(replay::Limits::default(), Arc::clone(&history), Arc::clone(&geolocation))
        .context("cannot start the threads for replays")?;
    let mut feed = tokio::spawn(Arc::clone(&hub).run(batches, closing.clone()));
    let watch = geolocation::watch(Arc::clone(&geolocation), || {
        tracing::info!("the geolocation databases were reloaded");
    })
    .context("cannot watch the geolocation databases")?;
    if let (Some(demo), Some(target)) = (config.demo, demo_target) {
        tokio::spawn(collector::demo_exporter::run(demo, target, stop.clone()));
    }
    let deadline = config.shutdown_deadline;
    let collecting = Collecting { collector, streams, state_file };
    let reports = Arc::new(Reports::new(
        config.reports.clone(),
        wiring::shelf(&history),
        wiring::clock(),
        wiring::pdf_writer(&config.reports),
    ));
    let past = Past { recording, history: Arc::clone(&history), replays: Arc::new(replays), reports };
    let context = Context::new(config, collecting, past, geolocation, hub, started_ms);
    let context = Arc::new(context);
    let maker = wiring::maker(&context);
    let writing = tokio::spawn(Arc::clone(context.reports()).run(maker, stop.clone()));
    let address = http.local_addr().context("the HTTP socket has no address")?;
    let (counting, past) = (Arc::clone(&context), Arc::clone(&history));
    let exporters = move || counting.collector().exporters();
    let losses = tokio::spawn(history::exporter_losses::watch(past, exporters, closing.clone()));
    let mut pages = tokio::spawn(http::serve(http, Arc::clone(&context), leptos, closing.clone()));
    tracing::info!("Meridian is at http://{address}/");

    let failure = tokio::select! {
        () = stop.cancelled() => None,
        ended = &mut feed => Some(anyhow!("the live feed ended by itself: {ended:?}")),
        ended = &mut pages => Some(anyhow!("the HTTP server ended by itself: {ended:?}")),
    };
    tracing::info!("stopping: connections get {} s to end", deadline.as_secs());
    let drained = async {
        // First the connections, then the collector, so that the live feed still shows what they had received.
        if tokio::time::timeout(deadline / 2, context.streams().stop()).await.is_err() {
            tracing::warn!("exporters' connections were still open at half the deadline; they are cut");
        }
        let collecting = Arc::clone(&context);
        let stopped = tokio::task::spawn_blocking(move || {
            collecting.collector().stop();
            // All that was received is on disk before the process ends.
            collecting.recording().join();
            drop(watch);
        });
        let stopped = stopped.await;
        closing.cancel();
        context.hub().drained().await;
        // Its last entry is what the collector had counted when it stopped.
        if let Err(error) = losses.await {
            tracing::error!(%error, "what is missing of exporters was not written down at the end");
        }
        let pages = if pages.is_finished() { Ok(Ok(())) } else { pages.await };
        // Nobody else waits for a message that is on its way to a mail server.
        if let Err(error) = writing.await {
            tracing::error!(%error, "writing reports had ended by itself");
        }
        (stopped, pages)
    };
    match tokio::time::timeout(deadline, drained).await {
        Ok((Ok(()), Ok(Ok(())))) => tracing::info!("stopped"),
        Ok(ends) => tracing::error!("stopped, not cleanly: {ends:?}"),
        Err(_) => tracing::warn!("connections were still open at the deadline; they are cut"),
    }
    failure.map_or(Ok(()), |failure| Err(RunError::Failed(failure)))
}

/// The history's queue and the thread that empties it, and what answers from it, if a history is kept.
async fn record(config: &Config, readers: InProcess) -> anyhow::Result<(InProcess, Recording, Arc<Kept>)> {
    if !config.history.is_enabled {
        let off =
            "Nothing is kept of the past: `enabled` in the section [history] of meridian.toml is false.";
        return Ok((readers, Recording::off(), Arc::new(Kept::nothing(off.to_owned()))));
    }
    let (batches, received) = transport::queue();
    let handed = Handed::default();
    let readers = readers.with_history(batches, &handed);
    let runtime = Handle::current();
    let opening = Opening::new(config, handed, runtime.clone());
    let kept = Arc::clone(opening.kept());
    let recording = tokio::task::spawn_blocking(move || match opening.open() {
        Some(recorder) => Recording::start(recorder, received, runtime),
        None => Recording::start_later(opening, received, runtime),
    });
    let recording = recording.await.context("opening the history failed")?;
    Ok((readers, recording.context("cannot start the recorder")?, kept))
}

/// Raises the limit of open files as far as this process may: each client of the stream holds one.
fn allow_many_files() {
    match rlimit::increase_nofile_limit(OPEN_FILES) {
        Ok(granted) if granted < OPEN_FILES => {
            tracing::warn!(
                granted,
                "the limit of open files is low: that many clients and exporters at most"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "cannot raise the limit of open files"),
    }
}

/// Loads the databases on a thread that may block.
async fn load_geolocation(config: &Config) -> Result<Arc<Current>, RunError> {
    let settings = config.geolocation();
    let geolocation = tokio::task::spawn_blocking(move || Geolocation::load(&settings))
        .await
        .context("loading the geolocation databases failed")?;
    Ok(Arc::new(Current::new(geolocation)))
}

/// What to do about an address that cannot be bound.
fn hint(error: &std::io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "another program, maybe another Meridian, uses the port",
        ErrorKind::PermissionDenied => "ports below 1024 need root or CAP_NET_BIND_SERVICE",
        ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "the system refuses",
    }
}

/// How exporters are spread over the workers: as configured, if the kernel takes the program for it.
fn steering(config: &Config) -> Steering {
    let steering = Steering::new(config.workers, config.rules.pinned_networks());
    if steering.workers() == 1 {
        return steering;
    }
    let reason = match group::is_granted(&steering) {
        Ok(true) => return steering,
        Ok(false) => "the kernel does not take the program that gives each exporter to its worker".to_owned(),
        Err(error) => error.to_string(),
    };
    tracing::warn!(reason, "one worker receives instead of {}", steering.workers());
    Steering::default()
}

/// Lets each worker know the exporters again whose datagrams it will get.
fn restore(intakes: &mut [Intake], steering: &Steering, saved: Vec<SavedExporter>) {
    let now_us = collector::socket::now_us();
    let (known, of_workers) = (saved.len(), intakes.iter_mut().enumerate());
    let mut saved = saved;
    let (mut exporters, mut templates, mut left_out) = (0, 0, 0);
    for (worker, intake) in of_workers {
        let own = saved.extract_if(.., |exporter| steering.worker_of(exporter.sender()) == worker);
        let restored = intake.restore(own.collect(), now_us);
        exporters += restored.exporters;
        templates += restored.templates;
        left_out += restored.left_out;
    }
    if known > 0 {
        tracing::info!(exporters, templates, left_out, "the collector's state is restored");
    }
}

/// Binds what the configuration names; without that, the default ports on all addresses of both families.
fn bind_udp(config: &Config, steering: &Steering) -> Result<Vec<Listener>, RunError> {
    let bind = |address: SocketAddr| {
        Listener::bind_group(address, config.receive_buffer_bytes, steering)
            .map_err(|source| RunError::Bind { what: "UDP", address, source })
    };
    if !config.listen_udp.is_empty() {
        return config.listen_udp.iter().map(|&address| bind(address)).collect();
    }
    let all = |address: IpAddr| DEFAULT_UDP_PORTS.map(|port| SocketAddr::new(address, port));
    let has_ipv6 = Listener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), 0).is_ok();
    let addresses =
        if has_ipv6 { all(Ipv6Addr::UNSPECIFIED.into()) } else { all(Ipv4Addr::UNSPECIFIED.into()) };
    addresses.into_iter().map(bind).collect()
}

/// Port of all addresses of both families, of one where the machine has no IPv6.
fn on_all_addresses(port: u16) -> Vec<SocketAddr> {
    let has_ipv6 = tcp_listener::Listener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), None).is_ok();
    let address = if has_ipv6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    vec![SocketAddr::new(address, port)]
}

/// Binds what connections arrive at: IPFIX over TCP, and over TLS if there is an acceptor.
fn bind_tcp(config: &Config, tls: Option<TlsAcceptor>) -> Result<Vec<tcp_listener::Listener>, RunError> {
    let bind = |what, address, tls| {
        tcp_listener::Listener::bind(address, tls).map_err(|source| RunError::Bind { what, address, source })
    };
    let tcp = config.tcp_addresses().unwrap_or_else(|| on_all_addresses(DEFAULT_TCP_PORT));
    let mut listeners: Vec<_> =
        tcp.into_iter().map(|address| bind("TCP", address, None)).collect::<Result<_, _>>()?;
    if let Some(acceptor) = tls {
        let named = config.listen_tls.as_ref().and_then(|settings| settings.addresses.clone());
        for address in named.unwrap_or_else(|| on_all_addresses(DEFAULT_TLS_PORT)) {
            listeners.push(bind("TLS", address, Some(acceptor.clone()))?);
        }
    }
    Ok(listeners)
}

/// Reads certificate, key and authorities, if IPFIX over TLS is to be received.
fn tls_acceptor(config: &Config) -> Result<Option<TlsAcceptor>, RunError> {
    let settings = config.listen_tls.as_ref();
    settings
        .map(|settings| settings.acceptor().map_err(|error| RunError::Usage(error.to_string())))
        .transpose()
}

/// Prints what the configuration comes to. Everything was checked when it was read; what is checked here needs files.
pub fn check(config: &Config) -> Result<(), RunError> {
    let file = config.file.as_ref().map_or("none (defaults)".to_owned(), |file| file.display().to_string());
    println!("configuration file   {file}");
    println!("data folder          {}", config.data_dir.display());
    let udp: Vec<String> = if config.listen_udp.is_empty() {
        DEFAULT_UDP_PORTS.map(|port| format!("port {port} of all addresses")).to_vec()
    } else {
        config.listen_udp.iter().map(ToString::to_string).collect()
    };
    println!("export datagrams at  {}", udp.join(", "));
    for (what, addresses) in connections_at(config) {
        println!("{what:<20} {addresses}");
    }
    tls_acceptor(config)?;
    if let Some(tls) = &config.listen_tls {
        println!("certificate          {}, {}", tls.certificate.display(), tls.asked_of_exporters());
    }
    for line in config.rules.summary() {
        println!("{line}");
    }
    println!("receiving threads    {}", config.workers);
    println!("receive buffers      {} bytes for each socket", config.receive_buffer_bytes);
    println!("idle connections     closed after {} s", config.idle_timeout.as_secs());
    println!("pages at             http://{}/", http::leptos_options(config)?.site_addr);
    for (what, names) in [("also reached as", &config.hosts), ("also used by", &config.allowed_origins)] {
        if !names.is_empty() {
            println!("{what:<20} {}", names.join(", "));
        }
    }
    let names = if config.has_host_names { "asked of the system's resolver" } else { "not asked for" };
    println!("names of addresses   {names}");
    for (what, said) in config.history.summary().into_iter().chain(config.reports.summary()) {
        println!("{what:<20} {said}");
    }
    println!("logs                 {}, as {}", config.log_level, config.log_format.name());
    println!("time to stop         {} s", config.shutdown_deadline.as_secs());
    let geolocation = Geolocation::load(&config.geolocation());
    let status = geolocation.status();
    for database in &status.databases {
        println!(
            "database             {} ({}, {} ranges)",
            database.file, database.database_type, database.ranges
        );
    }
    for network in geolocation.home_networks() {
        println!("home network         {}: {}", network.name, network.networks.join(", "));
    }
    for problem in &status.problems {
        println!("note                 {problem}");
    }
    println!("the configuration is good");
    Ok(())
}

/// Where connections arrive, in words: over TCP, and over TLS if it is configured.
fn connections_at(config: &Config) -> Vec<(&'static str, String)> {
    let shown = |addresses: Option<Vec<SocketAddr>>, default: u16| match addresses {
        None => format!("port {default} of all addresses"),
        Some(none) if none.is_empty() => "none".to_owned(),
        Some(some) => some.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let tls = config.listen_tls.as_ref().map(|tls| shown(tls.addresses.clone(), DEFAULT_TLS_PORT));
    let tcp = ("IPFIX over TCP at", shown(config.tcp_addresses(), DEFAULT_TCP_PORT));
    std::iter::once(tcp).chain(tls.map(|tls| ("IPFIX over TLS at", tls))).collect()
}

/// Prints all that is known of an address.
pub fn explain_address(config: &Config, address: IpAddr) -> Result<(), RunError> {
    let geolocation = Geolocation::load(&config.geolocation());
    println!("{}", geolocation.explain(address));
    Ok(())
}

/// Writes the flow records that are kept.
pub fn export_flows(config: &Config, filter: &str, flags: &ExportFlags) -> Result<(), RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    let now_ms = collector::socket::now_us() / 1_000;
    runtime.block_on(async {
        let stop = shutdown::on_signal().context("cannot listen for stop signals")?;
        export::export(config, filter, flags, now_ms, stop).await
    })
}

/// Writes a report of the history.
pub fn write_report(config: &Config, flags: &ReportFlags) -> Result<(), RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    let now_ms = collector::socket::now_us() / 1_000;
    runtime.block_on(async {
        let stop = shutdown::on_signal().context("cannot listen for stop signals")?;
        reports::command::write(config, flags, now_ms, stop).await
    })
}

/// Copies the history into a new folder.
pub fn backup(config: &Config, folder: &Path) -> Result<(), RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    let copied = runtime.block_on(backup::backup(config, folder))?;
    println!(
        "{} files of flow records ({} bytes, {} files shared with the data folder) and the sums are in {}; start with \
         --data-dir {} to use them",
        copied.files,
        copied.bytes,
        copied.linked,
        folder.display(),
        folder.display()
    );
    Ok(())
}

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Every file to its end.
    Complete,
    /// A file is damaged or cut; what came before that was imported.
    Damaged,
    /// Stopped by a signal; what came before it was imported.
    Interrupted,
}

/// Imports capture files, keeps their flow records unless it is a dry run, and prints what was in them.
pub fn import(
    config: &Config,
    request: &import::Request,
    is_dry_run: bool,
    format: SummaryFormat,
) -> Result<Imported, RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let stop = runtime.block_on(async { shutdown::on_signal() }).context("cannot listen for stop signals")?;
    if !is_dry_run && !config.history.is_enabled {
        let message = "the history is off, so nothing would be kept: turn it on, or import with --dry-run to count only";
        return Err(RunError::Usage(message.to_owned()));
    }
    let _lock = if is_dry_run { None } else { Some(DataLock::hold(&config.data_dir)?) };
    let recorder = (!is_dry_run).then(|| Recorder::open(config, runtime.handle().clone())).transpose();
    let recorder = recorder.context("nothing was imported")?;
    let geolocation = Arc::new(Geolocation::load(&config.geolocation()));
    let intake = Intake::new(Limits::default(), Arc::new(config.rules.clone()));
    let summary = import::import(request, intake, &geolocation, recorder, &stop)
        .map_err(|error| RunError::Input(error.to_string()))?;
    let text = match format {
        SummaryFormat::Text => summary.to_string(),
        SummaryFormat::Json => serde_json::to_string_pretty(&summary).context("cannot write JSON")? + "\n",
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever read it has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        result => result.context("cannot write the summary")?,
    }
    for file in &summary.files {
        if let Some(problem) = &file.problem {
            eprintln!("meridian: {}: {problem}", file.file);
        }
    }
    Ok(if summary.is_interrupted {
        Imported::Interrupted
    } else if summary.is_complete() {
        Imported::Complete
    } else {
        Imported::Damaged
    })
}
