//! All that a browser never sees. [`run`] is the whole process on one page.

pub mod collector;
pub mod config;
pub mod context;
pub mod geolocation;
pub mod home;
pub mod http;
pub mod live;
pub mod metrics;
pub mod shutdown;
pub mod telemetry;
pub mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use self::collector::intake::Intake;
use self::collector::limits::Limits;
use self::collector::listener::{Collector, Listener};
use self::config::{Config, DEFAULT_UDP_PORTS};
use self::context::Context;
use self::geolocation::{Current, Geolocation};
use self::live::Hub;

/// Batches that may wait for the live feed: at most 64 datagrams each.
const LIVE_QUEUE_BATCHES: usize = 1_024;

/// Open files wanted: clients of the stream, other connections, sockets and databases.
const OPEN_FILES: u64 = 4_096;

/// Why the process ended other than as asked.
#[derive(Debug, Error)]
pub enum RunError {
    /// The configuration asks for something that cannot be.
    #[error("{0}")]
    Usage(String),
    /// An address could not be bound.
    #[error("cannot listen on {what} {address}: is another program (or another Meridian) using the port?")]
    Bind {
        /// `UDP` or `HTTP`.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// Runs everything in one process until it is told to stop: build, bind, log, start, wait, drain.
pub fn run(config: Config) -> Result<(), RunError> {
    telemetry::start(config.log_format, &config.log_level).map_err(RunError::Usage)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(serve(config))
}

async fn serve(config: Config) -> Result<(), RunError> {
    let started_ms = collector::socket::now_us() / 1_000;
    let leptos = http::leptos_options(&config)?;

    let listeners = bind_udp(&config)?;
    let http_address = leptos.site_addr;
    let http = TcpListener::bind(http_address).await.map_err(|source| RunError::Bind {
        what: "HTTP",
        address: http_address,
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
    let (live_batches, batches) = mpsc::channel(LIVE_QUEUE_BATCHES);
    let demo_target = listeners.first().map(Listener::address);
    let collector =
        Collector::start(listeners, Intake::new(Limits::default()), Arc::clone(&geolocation), live_batches)
            .context("cannot start the collecting thread")?;

    let stop = shutdown::on_signal().context("cannot listen for stop signals")?;
    let tasks = TaskTracker::new();
    tasks.spawn(Arc::clone(&hub).run(batches, stop.clone()));
    let watch = geolocation::watch(Arc::clone(&geolocation), || ())
        .context("cannot watch the geolocation databases")?;
    if let (Some(demo), Some(target)) = (config.demo, demo_target) {
        tasks.spawn(collector::demo_exporter::run(demo, target, stop.clone()));
    }
    let deadline = config.shutdown_deadline;
    let context = Arc::new(Context::new(config, collector, geolocation, hub, started_ms));
    let address = http.local_addr().context("the HTTP socket has no address")?;
    tracing::info!("Meridian is at http://{address}/");
    let pages = tasks.spawn(http::serve(http, Arc::clone(&context), leptos, stop.clone()));

    stop.cancelled().await;
    tracing::info!("stopping: connections get {} s to end", deadline.as_secs());
    tasks.close();
    let drained = async {
        tasks.wait().await;
        context.hub().drained().await;
    };
    if tokio::time::timeout(deadline, drained).await.is_err() {
        tracing::warn!("connections were still open at the deadline; they are cut");
    }
    drop(watch);
    tokio::task::spawn_blocking(move || context.collector().stop())
        .await
        .context("the collector did not stop")?;
    tracing::info!("stopped");
    match pages.await {
        Ok(Err(error)) => Err(RunError::Failed(anyhow::Error::from(error).context("the HTTP server failed"))),
        _ => Ok(()),
    }
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

/// Loads the databases on a thread that may block, and tells what is missing.
async fn load_geolocation(config: &Config) -> Result<Arc<Current>, RunError> {
    let settings = config.geolocation();
    let geolocation = tokio::task::spawn_blocking(move || Geolocation::load(&settings))
        .await
        .context("loading the geolocation databases failed")?;
    let status = geolocation.status();
    for database in &status.databases {
        tracing::info!(file = database.file, ranges = database.ranges, "loaded a geolocation database");
    }
    for problem in &status.problems {
        tracing::warn!("{problem}");
    }
    Ok(Arc::new(Current::new(geolocation)))
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
        DEFAULT_UDP_PORTS.map(|port| format!("[::]:{port}")).to_vec()
    } else {
        config.listen_udp.iter().map(ToString::to_string).collect()
    };
    println!("export datagrams at  {}", udp.join(", "));
    println!("pages at             http://{}/", http::leptos_options(config)?.site_addr);
    telemetry::check(&config.log_level).map_err(RunError::Usage)?;
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
    if !status.problems.is_empty() {
        return Err(RunError::Usage(status.problems.join("\n")));
    }
    println!("the configuration is good");
    Ok(())
}

/// Prints all that is known of an address.
pub fn explain_address(config: &Config, address: IpAddr) -> Result<(), RunError> {
    let geolocation = Geolocation::load(&config.geolocation());
    println!("{}", geolocation.explain(address));
    for problem in geolocation.status().problems {
        eprintln!("note: {problem}");
    }
    Ok(())
}
