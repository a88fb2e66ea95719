//! Waiting for the end of a node that somebody else drives, or nobody.

use std::{future::poll_fn, task::Poll};

use super::{current, node::Node, seat::Waiting, sync::Arc};

/// Whether the current code runs inside `node`: to wait for its end would be to wait for oneself.
pub(crate) fn is_inside(node: &Arc<Node>) -> bool {
    let mut here = current::node();
    while let Some(inside) = here {
        if Arc::ptr_eq(&inside, node) {
            return true;
        }
        here = inside.parent.clone();
    }
    false
}

/// Waits until the node has ended; returns at once where that would be waiting for oneself.
pub(crate) async fn closed(node: &Arc<Node>) {
    if !is_inside(node) {
        until(node, |node| node.is_closed()).await;
    }
}

/// Waits until the node can be closed, and closes it.
pub(crate) async fn close(node: &Arc<Node>) {
    if !is_inside(node) {
        until(node, Node::try_close).await;
    }
}

async fn until(node: &Arc<Node>, ready: impl Fn(&Arc<Node>) -> bool) {
    let mut waiting = Waiting::default();
    poll_fn(|cx| {
        waiting.watch(node, cx.waker());
        if ready(node) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}
