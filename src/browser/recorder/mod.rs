//! Films of maps: a canvas on which maps and captions come together, recorded by the browser or saved as one picture.
//!
//! What is recorded stays in the browser's memory until it is saved or dropped. While the tab is in the background the
//! recording rests, because maps do, too. `recorder_absent.rs` is its twin on the server, where nothing can be filmed.

mod composition;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use js_sys::{Array, ArrayBuffer, Promise, Uint8Array};
use leptos::callback::Callable;
use leptos::leptos_dom::helpers::{
    WindowListenerHandle, document, set_timeout, window_event_listener_untyped,
};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobEvent, BlobPropertyBag, CanvasRenderingContext2d, HtmlCanvasElement, MediaRecorder,
    MediaRecorderOptions, RecordingState, Url,
};

use self::composition::{Region, compose};
use super::film::{FilmFault, FilmSize, Pane};
use super::{page, save, webm};

/// Pictures in a second.
const FRAME_RATE: f64 = 30.0;
/// Bits in a second of a film of a million pixels: thin bright lines on dark ground need many.
const BITS_PER_MEGAPIXEL: u32 = 8_000_000;
/// How often what was recorded is handed over, milliseconds.
const SLICE_MS: i32 = 1_000;
/// The information at the beginning of a video is within so many bytes.
const HEAD_BYTES: f64 = 4_096.0;
/// How long a saved file can still be read by the browser.
const SAVING: Duration = Duration::from_mins(1);
/// What is recorded, the best first.
const KINDS: [&str; 3] = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

/// A recording that runs; dropped, it is gone.
pub struct Recording {
    recorder: MediaRecorder,
    _film: Film,
    taken: Rc<Taken>,
    _on_data: Closure<dyn FnMut(BlobEvent)>,
    visibility: Option<WindowListenerHandle>,
}

/// What has been recorded so far.
#[derive(Default)]
struct Taken {
    pieces: RefCell<Vec<Blob>>,
    bytes: Cell<f64>,
    /// Milliseconds recorded before the present stretch, and when that began on the page's clock.
    before_ms: Cell<i64>,
    began_ms: Cell<i64>,
}

/// Maps that are filmed on a canvas; dropped, they are as large as their places on the page again.
struct Film {
    canvas: HtmlCanvasElement,
    panes: Vec<Pane>,
}

impl Film {
    fn begin(panes: Vec<Pane>, size: FilmSize) -> Result<Self, FilmFault> {
        let (canvas, context) = canvas(size).ok_or(FilmFault::Failed)?;
        let film = Self { canvas, panes };
        for (index, pane) in film.panes.iter().enumerate() {
            let region = Region::of(size, index, film.panes.len());
            let (context, caption): (CanvasRenderingContext2d, _) = (context.clone(), pane.caption);
            let is_filmed = pane.map.with(|map| {
                map.film(region.size, move |shot| {
                    // The page may be gone a frame before its map.
                    if let Some(caption) = caption.try_run(()) {
                        compose(&context, region, shot, &caption);
                    }
                })
            });
            if is_filmed != Some(true) {
                return Err(FilmFault::NoMap);
            }
        }
        Ok(film)
    }
}

impl Drop for Film {
    fn drop(&mut self) {
        for pane in &self.panes {
            pane.map.with(crate::browser::map_renderer::MapRenderer::end_film);
        }
    }
}

fn canvas(size: FilmSize) -> Option<(HtmlCanvasElement, CanvasRenderingContext2d)> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(size.width);
    canvas.set_height(size.height);
    let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    Some((canvas, context))
}

/// True when the browser records WebM video.
pub fn can_record() -> bool {
    kind().is_some()
}

fn kind() -> Option<&'static str> {
    let is_there = |name: &str| js_sys::Reflect::has(&js_sys::global(), &name.into()).unwrap_or(false);
    let canvas = document().create_element("canvas").ok()?;
    let captures = js_sys::Reflect::has(&canvas, &"captureStream".into()).unwrap_or(false);
    if !captures || !is_there("MediaRecorder") {
        return None;
    }
    KINDS.into_iter().find(|kind| MediaRecorder::is_type_supported(kind))
}

/// Begins to record maps side by side. `on_visible` is told when the tab goes into the background, where the recording
/// rests, and when it is back.
pub fn record(
    panes: Vec<Pane>,
    size: FilmSize,
    on_visible: impl Fn(bool) + 'static,
) -> Result<Recording, FilmFault> {
    let kind = kind().ok_or(FilmFault::NoWebM)?;
    let film = Film::begin(panes, size)?;
    let recorder = recorder(&film.canvas, kind, size).map_err(|_| FilmFault::Failed)?;
    let taken = Rc::new(Taken::default());
    let taking = Rc::clone(&taken);
    let on_data = Closure::<dyn FnMut(BlobEvent)>::new(move |event: BlobEvent| {
        if let Some(piece) = event.data().filter(|piece| piece.size() > 0.0) {
            taking.bytes.set(taking.bytes.get() + piece.size());
            taking.pieces.borrow_mut().push(piece);
        }
    });
    recorder.set_ondataavailable(Some(on_data.as_ref().unchecked_ref()));
    recorder.start_with_time_slice(SLICE_MS).map_err(|_| FilmFault::Failed)?;
    taken.began_ms.set(page::now_ms());
    let (watched, clock) = (recorder.clone(), Rc::clone(&taken));
    let visibility = window_event_listener_untyped("visibilitychange", move |_| {
        let is_visible = page::is_visible();
        // Neither can fail for a recorder that runs, and one that has ended has no more to rest from.
        if is_visible {
            drop(watched.resume());
            clock.began_ms.set(page::now_ms());
        } else {
            drop(watched.pause());
            clock.rest();
        }
        on_visible(is_visible);
    });
    Ok(Recording { recorder, _film: film, taken, _on_data: on_data, visibility: Some(visibility) })
}

fn recorder(canvas: &HtmlCanvasElement, kind: &str, size: FilmSize) -> Result<MediaRecorder, JsValue> {
    let stream = canvas.capture_stream_with_frame_request_rate(FRAME_RATE)?;
    let options = MediaRecorderOptions::new();
    options.set_mime_type(kind);
    let kilopixels = size.width.saturating_mul(size.height) / 1_000;
    options.set_video_bits_per_second(kilopixels.saturating_mul(BITS_PER_MEGAPIXEL / 1_000));
    MediaRecorder::new_with_media_stream_and_media_recorder_options(&stream, &options)
}

impl Taken {
    /// Milliseconds recorded up to now, which a rest does not add to.
    fn rest(&self) {
        let now_ms = page::now_ms();
        self.before_ms.set(self.before_ms.get() + (now_ms - self.began_ms.get()).max(0));
        self.began_ms.set(now_ms);
    }
}

impl Recording {
    /// Bytes recorded so far.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole bytes below 2^53")]
    pub fn bytes(&self) -> u64 {
        self.taken.bytes.get() as u64
    }

    /// Ends the recording and saves it as a file of this name; answers its bytes.
    pub async fn finish(self, name: String) -> Result<u64, FilmFault> {
        if self.recorder.state() == RecordingState::Recording {
            self.taken.rest();
        }
        let recorder = &self.recorder;
        let stopped = Promise::new(&mut |done, fail| {
            recorder.set_onstop(Some(&done));
            recorder.set_onerror(Some(&fail));
            if recorder.stop().is_err() {
                // It has ended by itself: what it gave is all there is.
                done.call0(&JsValue::NULL).map(drop).unwrap_or_default();
            }
        });
        JsFuture::from(stopped).await.map_err(|_| FilmFault::Failed)?;
        let video = self.video().await.map_err(|_| FilmFault::Failed)?;
        if video.size() <= 0.0 {
            return Err(FilmFault::Failed);
        }
        let url = Url::create_object_url_with_blob(&video).map_err(|_| FilmFault::Failed)?;
        save::file(&name, &url);
        // The browser reads the file after this; it says nowhere when it is done.
        set_timeout(move || drop(Url::revoke_object_url(&url)), SAVING);
        Ok(self.bytes())
    }

    /// All that was recorded, with its length at the beginning.
    async fn video(&self) -> Result<Blob, JsValue> {
        let options = BlobPropertyBag::new();
        options.set_type("video/webm");
        let joined = |pieces: &Array| Blob::new_with_blob_sequence_and_options(pieces, &options);
        let whole = joined(&self.taken.pieces.borrow().iter().collect())?;
        let head = whole.slice_with_f64_and_f64(0.0, HEAD_BYTES)?;
        let head: ArrayBuffer = JsFuture::from(head.array_buffer()).await?.dyn_into()?;
        let head = Uint8Array::new(&head).to_vec();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a recording")]
        let length_ms = self.taken.before_ms.get() as f64;
        // A player shows a video without its length, too.
        let Some(head) = webm::with_duration(&head, length_ms) else { return Ok(whole) };
        let rest = whole.slice_with_f64(HEAD_BYTES)?;
        joined(&Array::of2(&Uint8Array::from(head.as_slice()), &rest))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.recorder.set_ondataavailable(None);
        self.recorder.set_onstop(None);
        self.recorder.set_onerror(None);
        if self.recorder.state() != RecordingState::Inactive {
            // It runs, so it can be stopped.
            self.recorder.stop().unwrap_or_default();
        }
        if let Some(visibility) = self.visibility.take() {
            visibility.remove();
        }
    }
}

/// Saves maps side by side as they are now, as a picture of this name.
pub fn picture(name: &str, panes: Vec<Pane>, size: FilmSize) -> Result<(), FilmFault> {
    // Being filmed at a new size, each map draws itself at once.
    let film = Film::begin(panes, size)?;
    let url = film.canvas.to_data_url_with_type("image/png").map_err(|_| FilmFault::Failed)?;
    save::file(name, &url);
    Ok(())
}
