//! The page for those who come from Python has a row for every name of the Python library, and names only what is there.
//!
//! That the methods are there too is checked by rustdoc, as each is a link: `cargo doc` with warnings denied.

const PAGE: &str = include_str!("../../../aiotools/src/docs/coming_from_python.md");

/// The public names of the Python library, release 2.2.2.
const NAMES: &[(&str, &[&str])] = &[
    ("The package", &["__version__", "main", "server"]),
    (
        "`aiotools.cancel`",
        &["cancel_and_wait(task)", "cancel_and_wait(tasks)", "msg"],
    ),
    (
        "`aiotools.compat`",
        &[
            "all_tasks",
            "get_running_loop",
            "current_task",
            "set_task_name",
        ],
    ),
    (
        "`aiotools.context`",
        &[
            "resetting",
            "AsyncContextManager",
            "AbstractAsyncContextManager",
            "async_ctx_manager",
            "aclosing",
            "closing_async",
            "AsyncContextGroup(",
            "AsyncContextGroup.add",
            "AsyncContextGroup` value list",
            "AsyncContextGroup.exit_states",
            "AsyncExitStack",
        ],
    ),
    (
        "`aiotools.defer`",
        &[
            "defer",
            "adefer",
            "DeferFunc",
            "AsyncDeferFunc",
            "AsyncDeferrable",
        ],
    ),
    (
        "`aiotools.fork`",
        &[
            "AbstractChildProcess",
            ".pid",
            ".send_signal",
            ".wait",
            "PosixChildProcess",
            "PidfdChildProcess",
            "afork",
            "mp_context",
        ],
    ),
    (
        "`aiotools.func`",
        &[
            "apartial",
            "lru_cache",
            "maxsize",
            "typed",
            "expire_after",
            ".cache_info",
            ".cache_clear",
            ".cache_invalidate",
            ".cache_close",
            ".cache_parameters",
        ],
    ),
    (
        "`aiotools.iter`",
        &["aiter(source)", "aiter(func, sentinel)"],
    ),
    (
        "`aiotools.server`",
        &[
            "server_context",
            "main_context",
            "AsyncServerContextManager",
            "ServerMainContextManager",
            "process_index",
            "InterruptedBySignal",
            "start_server",
            "worker_actxmgr",
            "main_ctxmgr",
            "extra_procs",
            "stop_signals",
            "num_workers",
            "args",
            "wait_timeout",
            "mp_context",
            "prestart_hook",
            "ignore_child_interrupts",
            "run_to_completion",
        ],
    ),
    ("`aiotools.supervisor`", &["Supervisor"]),
    (
        "`aiotools.taskcontext`",
        &[
            "TaskContext(",
            "exception_handler",
            "context",
            ".create_task",
            ".aclose",
            "ErrorArg",
            "ErrorCallback",
        ],
    ),
    (
        "`aiotools.taskscope`",
        &[
            "TaskScope(",
            "shield",
            "timeout",
            ".create_task",
            ".abort",
            ".aclose",
            "ShieldScope",
            "move_on_after",
        ],
    ),
    (
        "`aiotools.taskgroup`",
        &[
            "TaskGroup(",
            "TaskGroup.create_task",
            "current_taskgroup",
            "TaskGroupError",
            "MultiError",
            "PersistentTaskGroup(",
            ".create_task",
            ".shutdown",
            ".get_name",
            ".all_ptaskgroups",
            "current_ptaskgroup",
        ],
    ),
    (
        "`aiotools.timeouts`",
        &[
            "timeout(",
            "timeout_at",
            "Timeout.when",
            "Timeout.reschedule",
            "Timeout.expired",
        ],
    ),
    (
        "`aiotools.timer`",
        &[
            "create_timer",
            "TimerDelayPolicy.DEFAULT",
            "TimerDelayPolicy.CANCEL",
            "VirtualClock`",
            "VirtualClock.virtual_time",
            "VirtualClock.patch_loop",
        ],
    ),
    (
        "`aiotools.types`",
        &["AsyncClosable", "AwaitableLike", "ExcInfo"],
    ),
    (
        "`aiotools.utils`",
        &["as_completed_safe", "gather_safe", "race", "context"],
    ),
];

/// A row of the page: its three cells.
struct Row {
    section: &'static str,
    cells: [&'static str; 3],
}

fn rows() -> Vec<Row> {
    let mut section = "";
    let mut rows = Vec::new();
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if let Some(row) = line.strip_prefix("| ")
            && !row.starts_with("Python")
        {
            let cells: Vec<_> = row
                .trim_end_matches('|')
                .split(" | ")
                .map(str::trim)
                .collect();
            let [python, here] = cells[..2] else {
                panic!("{line}")
            };
            let note = cells.get(2).copied().unwrap_or("");
            rows.push(Row {
                section,
                cells: [python, here, note],
            });
        }
    }
    rows
}

/// In order, and no more rows than names.
#[test]
fn coming_from_python_has_every_name() {
    let mut rows = rows().into_iter();
    for (section, names) in NAMES {
        for name in *names {
            let row = rows.next().unwrap_or_else(|| panic!("no row for {name}"));
            assert_eq!(row.section, *section);
            let python = row.cells[0]
                .strip_prefix("wrapper ")
                .unwrap_or(row.cells[0]);
            assert!(
                python.starts_with(&format!("`{name}")),
                "{python} instead of {name}"
            );
        }
    }
    assert!(rows.next().is_none());
    assert_eq!(
        NAMES.iter().map(|(_, names)| names.len()).sum::<usize>(),
        109
    );
}

/// Each says what is here, or why there is nothing.
#[test]
fn coming_from_python_says_what_or_why() {
    for Row {
        cells: [python, here, note],
        ..
    } in rows()
    {
        let linked = here.contains("](");
        assert!(
            linked || !note.is_empty(),
            "{python}: neither a link nor a reason"
        );
        assert!(here == "none" || here.contains('`'), "{python}: {here}");
    }
}

/// What can be imported is imported here, so that it is there; and all that the page links to is one of these, or a method of one.
macro_rules! items {
    ($($($path:ident)::+),* $(,)?) => {
        const ITEMS: &[&str] = &[$(concat!("crate", $("::", stringify!($path)),+)),*];

        mod imported {
            $(#[allow(unused_imports)] use aiotools::$($path)::+ as _;)*
        }
    };
}

items! {
    AsyncClose, AsyncContextManager, AsyncExitStack, CancelErrors, CancelReason, ContextGroup, ContextVar, Exit, ForkServer, LruCache, Server, Signal,
    Supervisor, TaskContext, TaskError, TaskGroup, TaskGroupError, TaskHandle, TaskScope, TimerDelayPolicy, VERSION, VirtualClock,
    WorkerContext, actxgroup, actxmgr, adefer, afork, aiter, apartial, as_completed, cache::CacheInfo, cache::LruCacheBuilder, cancel_and_wait,
    cancel_and_wait_with, catch_cancel, closing, context::GroupGuard, context::Manager, context::SettledGroup, context_var, create_timer, defer,
    gather, lru_cache, main, main_context, move_on_after, process::Afork, process::ChildProcess,
    process::ExitStatus, process_index, race, race_ok, resetting, server::ExtraContext, server, shield, start_server, task::ScopeBuilder, task::current,
    task::dump, test, time::TimeoutHandle, timeout, timeout_at, timer, try_aiter,
}

#[test]
fn coming_from_python_names_what_exists() {
    let mut seen = Vec::new();
    for link in PAGE.split("](").skip(1) {
        let target = link.split(')').next().unwrap();
        if target.starts_with("https:") {
            continue;
        }
        let path = target
            .trim_start_matches("macro@")
            .trim_start_matches("mod@");
        let item = ITEMS.iter().find(|item| {
            path.strip_prefix(**item)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        seen.push(*item.unwrap_or_else(|| panic!("{path} is not in the list")));
    }
    for item in ITEMS {
        assert!(
            seen.contains(item),
            "{item} is in the list and not on the page"
        );
    }
}
