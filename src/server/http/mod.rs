//! Pages, API, metrics and health over HTTP.

mod errors;
mod headers;
mod hosts;
pub mod patience;
mod rest;

use std::future::ready;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt;
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::services::ServeDir;
use tower_http::trace::TraceLayer;

use self::hosts::Hosts;
use super::RunError;
use super::config::Config;
use super::context::Context;
use super::{live, metrics};
use crate::app::{App, shell};
use crate::components::world_map;

/// File with the options of the Leptos server, beside the process.
const LEPTOS_FILE: &str = "Leptos.toml";

/// The options of the Leptos server: `Leptos.toml`, with the configuration's HTTP address over it.
pub fn leptos_options(config: &Config) -> Result<LeptosOptions, RunError> {
    let file = leptos::config::get_configuration(Some(LEPTOS_FILE)).map_err(|error| {
        RunError::Usage(format!(
            "cannot read {LEPTOS_FILE} ({error}): start Meridian in the folder that holds {LEPTOS_FILE} and the built site"
        ))
    })?;
    let mut options = file.leptos_options;
    if let Some(address) = config.http_address {
        options.site_addr = address;
    }
    Ok(options)
}

/// Answers requests until it is told to stop; then lets open ones end.
pub async fn serve(
    listener: TcpListener,
    context: Arc<Context>,
    leptos: LeptosOptions,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = router(&context, &leptos);
    let listener = listener.tap_io(|connection| {
        if let Err(error) = live::prepare_connection(connection) {
            tracing::debug!(%error, "a connection keeps the kernel's defaults");
        }
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// All routes.
fn router(context: &Arc<Context>, leptos: &LeptosOptions) -> Router {
    let for_pages = Arc::clone(context);
    let provide = move || {
        provide_context(Arc::clone(&for_pages));
        headers::let_page_run();
    };
    let options = leptos.clone();
    let package = format!("{}/{}", leptos.site_root, leptos.site_pkg_dir);
    let package_files = Router::new()
        .fallback_service(ServeDir::new(package).precompressed_br().precompressed_gzip())
        .layer(middleware::map_response(headers::keep_for_good));
    let pages = Router::new()
        .leptos_routes_with_context(leptos, generate_route_list(App), provide.clone(), move || {
            shell(options.clone())
        })
        .fallback(file_and_error_handler_with_context::<LeptosOptions, _>(provide, shell))
        .with_state(leptos.clone())
        .layer(CompressionLayer::new());
    let rest = Router::new()
        .merge(rest::router())
        .route("/world.svg", get(|| ready(still_map())))
        .route("/reports-logo", get(logo))
        .route("/metrics", get(|State(context): State<Arc<Context>>| async move { metrics::page(&context) }))
        .route("/healthz", get(|| ready("ok\n")))
        .route("/readyz", get(is_ready))
        .layer(CompressionLayer::new())
        .route("/api/v1/stream", get(stream))
        .with_state(Arc::clone(context));
    Router::new()
        .nest(&format!("/{}", leptos.site_pkg_dir), package_files)
        .merge(rest)
        .merge(pages)
        .layer(CsrfLayer::new())
        .layer(middleware::from_fn_with_state(Hosts::new(context.hosts()), hosts::check))
        .layer(CatchPanicLayer::new())
        .layer(middleware::map_response(headers::harden))
        .layer(TraceLayer::new_for_http().make_span_with(|request: &Request| {
            tracing::debug_span!("http", method = %request.method(), path = request.uri().path())
        }))
}

/// The live feed, for whoever asks from an allowed origin.
async fn stream(
    State(context): State<Arc<Context>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    request: WebSocketUpgrade,
) -> Response {
    live::upgrade(
        context.hub(),
        Some(context.replays()),
        context.allowed_origins(),
        &headers,
        request,
        Some(peer.ip()),
    )
}

/// Ready means: the collecting thread and the live feed run.
async fn is_ready(State(context): State<Arc<Context>>) -> Response {
    if context.collector().is_running() && context.hub().is_running() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the collector or the live feed has stopped\n").into_response()
    }
}

fn still_map() -> Response {
    (
        [(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, "public, max-age=3600")],
        world_map::still_svg(),
    )
        .into_response()
}

/// The picture above each report.
async fn logo(State(context): State<Arc<Context>>) -> Response {
    let Some(logo) = context.reports().logo() else { return StatusCode::NOT_FOUND.into_response() };
    let headers = [(header::CONTENT_TYPE, logo.media_type), (header::CACHE_CONTROL, "private, max-age=300")];
    (headers, logo.bytes.to_vec()).into_response()
}

/// Makes sure that the built site is there, with a sentence that says how to build it.
pub fn check_site(leptos: &LeptosOptions) -> Result<(), RunError> {
    let package = format!("{}/{}", leptos.site_root, leptos.site_pkg_dir);
    std::fs::metadata(&package)
        .map(drop)
        .with_context(|| format!("there is no built site at {package}: run `make build`"))
        .map_err(RunError::Failed)
}
