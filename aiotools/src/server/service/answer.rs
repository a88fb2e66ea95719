//! What the server looks like, for clients of the control socket.

use crate::server::{Phase, ServerStatus, WorkerStatus, json::Json};

/// What a client that has asked is shown.
pub(super) fn of(status: &ServerStatus, phase: Phase, with_trees: bool) -> Json {
    let number = |value: usize| Json::Integer(value as u64);
    let worker = |worker: &WorkerStatus| {
        let mut fields = vec![
            ("index", number(worker.index())),
            ("extra", Json::Bool(worker.is_extra())),
            ("pid", Json::Integer(worker.pid().into())),
            ("state", Json::text(worker.state())),
            ("age", Json::Seconds(worker.age().as_secs_f64())),
            ("restarts", Json::Integer(worker.restarts())),
            ("answered", Json::maybe(worker.has_answered(), Json::Bool)),
            (
                "connections",
                Json::maybe(worker.connections(), Json::Integer),
            ),
            ("requests", Json::maybe(worker.requests(), Json::Integer)),
        ];
        if with_trees {
            fields.push(("tree", Json::maybe(worker.tree(), Json::text)));
        }
        Json::Object(fields)
    };
    Json::Object(vec![
        ("ok", Json::Bool(true)),
        ("pid", Json::Integer(std::process::id().into())),
        ("phase", Json::Text(format!("{phase:?}").to_lowercase())),
        ("wanted", number(status.wanted())),
        ("reloading", Json::Bool(status.is_reloading())),
        (
            "failures_survived",
            Json::Integer(status.survived_failures()),
        ),
        (
            "workers",
            Json::List(status.workers().iter().map(worker).collect()),
        ),
    ])
}
