//! All that a browser never sees. [`run`] is the whole process on one page.

pub mod collector;
pub mod config;
pub mod context;
pub mod geolocation;
pub mod home;
pub mod http;
pub mod import;
pub mod live;
pub mod metrics;
pub mod shutdown;
pub mod telemetry;
pub mod transport;
pub mod wire;

use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use self::collector::intake::Intake;
use self::collector::limits::Limits;
use self::collector::listener::{Collector, Listener};
use self::config::flags::SummaryFormat;
use self::config::{Config, DEFAULT_UDP_PORTS};
use self::context::Context;
use self::geolocation::{Current, Geolocation};
use self::live::Hub;
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
        /// `UDP` or `HTTP`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
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

    let listeners = bind_udp(&config)?;
    let http = TcpListener::bind(leptos.site_addr).await.map_err(|source| RunError::Bind {
        what: "HTTP",
        address: leptos.site_addr,
        source,
    })?;
    for listener in &listeners {
        let granted_bytes = listener.memory().granted_bytes;
        tracing::info!(address = %listener.address(), receive_buffer_bytes = granted_bytes, "waiting for export datagrams");
    }

    // Datagrams wait in the kernel's buffers while the databases load.
    let geolocation = load_geolocation(&config).await?;
    allow_many_files();
    let hub = Hub::new(live::Limits::default(), started_ms);
    let (live, batches) = InProcess::channel(&hub);
    let demo_target = listeners.first().map(Listener::address);
    let collector = Collector::start(
        listeners,
        Intake::new(Limits::default(), Arc::new(config.rules.clone())),
        Arc::clone(&geolocation),
        live,
    )
    .context("cannot start the collecting thread")?;

    let stop = shutdown::on_signal().context("cannot listen for stop signals")?;
    let closing = CancellationToken::new();
    let mut feed = tokio::spawn(Arc::clone(&hub).run(batches, closing.clone()));
    let watch = geolocation::watch(Arc::clone(&geolocation), || {
        tracing::info!("the geolocation databases were reloaded");
    })
    .context("cannot watch the geolocation databases")?;
    if let (Some(demo), Some(target)) = (config.demo, demo_target) {
        tokio::spawn(collector::demo_exporter::run(demo, target, stop.clone()));
    }
    let deadline = config.shutdown_deadline;
    let context = Arc::new(Context::new(config, collector, geolocation, hub, started_ms));
    let address = http.local_addr().context("the HTTP socket has no address")?;
    let mut pages = tokio::spawn(http::serve(http, Arc::clone(&context), leptos, closing.clone()));
    tracing::info!("Meridian is at http://{address}/");

    let failure = tokio::select! {
        () = stop.cancelled() => None,
        ended = &mut feed => Some(anyhow!("the live feed ended by itself: {ended:?}")),
        ended = &mut pages => Some(anyhow!("the HTTP server ended by itself: {ended:?}")),
    };
    tracing::info!("stopping: connections get {} s to end", deadline.as_secs());
    let drained = async {
        // First the collector, so that the live feed still shows what it had received.
        let collecting = Arc::clone(&context);
        let stopped = tokio::task::spawn_blocking(move || {
            collecting.collector().stop();
            drop(watch);
        });
        let stopped = stopped.await;
        closing.cancel();
        context.hub().drained().await;
        let pages = if pages.is_finished() { Ok(Ok(())) } else { pages.await };
        (stopped, pages)
    };
    match tokio::time::timeout(deadline, drained).await {
        Ok((Ok(()), Ok(Ok(())))) => tracing::info!("stopped"),
        Ok(ends) => tracing::error!("stopped, not cleanly: {ends:?}"),
        Err(_) => tracing::warn!("connections were still open at the deadline; they are cut"),
    }
    failure.map_or(Ok(()), |failure| Err(RunError::Failed(failure)))
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

/// Binds what the configuration names; without that, the default ports on all addresses of both families.
fn bind_udp(config: &Config) -> Result<Vec<Listener>, RunError> {
    let bind = |address: SocketAddr| {
        Listener::bind(address, config.receive_buffer_bytes).map_err(|source| RunError::Bind {
            what: "UDP",
            address,
            source,
        })
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
    println!("pages at             http://{}/", http::leptos_options(config)?.site_addr);
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

/// Prints all that is known of an address.
pub fn explain_address(config: &Config, address: IpAddr) -> Result<(), RunError> {
    let geolocation = Geolocation::load(&config.geolocation());
    println!("{}", geolocation.explain(address));
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

/// Imports capture files and prints what was in them.
pub fn import(
    config: &Config,
    request: &import::Request,
    format: SummaryFormat,
) -> Result<Imported, RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start the async runtime")?;
    let stop = runtime.block_on(async { shutdown::on_signal() }).context("cannot listen for stop signals")?;
    let geolocation = Geolocation::load(&config.geolocation());
    let intake = Intake::new(Limits::default(), Arc::new(config.rules.clone()));
    let summary = import::import(request, intake, &geolocation, &stop)
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
