//! What happens, as it happens: server-sent events.

use super::Shared;
use crate::web::error::ApiError;
use crate::web::site::{Happening, Site};
use axum::response::sse::{Event, KeepAlive, Sse};
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{MissedTickBehavior, interval};
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};

/// How often the desk is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Lines of history looked at in one look; the rest comes with the next.
const MOST: usize = 200;
/// Looks between two events of status.
const STATUS: u32 = 5;

/// What happens, as it happens
///
/// `anomaly` when something happens to one: `{id, what, life}`. `status` every five seconds, as `/status`. `missed` when the
/// listener was too slow for some: then look at everything anew.
#[utoipa::path(get, path = "/api/v1/events", tag = "status", responses((status = 200, body = String, content_type = "text/event-stream")))]
pub async fn events(site: Shared) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let place = Arc::clone(&site.listeners).try_acquire_owned();
    let place = place.map_err(|_| ApiError::busy("as many listen as can: try again later"))?;
    let (mut happens, mut stopping) = (site.events.subscribe(), site.stopping.clone());
    let (to, stream) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let _place = place;
        loop {
            let happening = tokio::select! {
                happening = happens.recv() => happening,
                _ = stopping.changed() => return,
                () = to.closed() => return,
            };
            let event = match happening {
                Ok(Happening { event, data }) => Event::default().event(event).data(data),
                Err(RecvError::Lagged(count)) => Event::default().event("missed").data(count.to_string()),
                Err(RecvError::Closed) => return,
            };
            tokio::select! {
                sent = to.send(event) => if sent.is_err() { return },
                _ = stopping.changed() => return,
            }
        }
    });
    let stream = ReceiverStream::new(stream).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Looks for what happened, and tells who listens.
pub async fn watch(site: Arc<Site>) {
    let mut timer = interval(LOOK);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let newest = site.run(|site| site.desk(|desk| desk.newest())).await;
    let (mut looks, mut seen): (u32, u64) = (0, newest.unwrap_or_default());
    loop {
        timer.tick().await;
        looks = looks.wrapping_add(1);
        if let Ok(news) = site.run(move |site| news(site, seen)).await {
            for (seq, data) in news {
                seen = seen.max(seq);
                tell(&site, "anomaly", data);
            }
        }
        if looks.is_multiple_of(STATUS) && site.events.receiver_count() > 0 {
            let status = site
                .run(|site| Ok(serde_json::to_string(&site.source.status())))
                .await;
            if let Ok(Ok(data)) = status {
                tell(&site, "status", data);
            }
        }
    }
}

/// Lines of history after `seen`, each with its place and what is told of it.
fn news(site: &Site, seen: u64) -> Result<Vec<(u64, String)>, ApiError> {
    let now = site.source.now();
    site.desk(|desk| {
        let entries = desk.since(seen, MOST)?;
        let mut news = Vec::with_capacity(entries.len());
        for entry in entries {
            let life = desk.anomaly(entry.anomaly, now)?;
            let data = json!({
                "id": entry.anomaly,
                "seq": entry.seq,
                "what": entry.act.name(),
                "by": entry.by,
                "at": entry.at.to_string(),
                "life": life.as_ref().map(super::anomalies::life),
            });
            news.push((entry.seq, data.to_string()));
        }
        Ok(news)
    })
}

/// Tells who listens; nobody may.
fn tell(site: &Site, event: &'static str, data: String) {
    let _ = site.events.send(Happening {
        event,
        data: data.into(),
    });
}
