//! The benches in the order in which they are shown, with the question of each and what is drawn.

/// What one bench answers.
pub(crate) struct Area {
    /// The bench, and its page.
    pub(crate) bench: &'static str,
    /// What it is called.
    pub(crate) name: &'static str,
    pub(crate) question: &'static str,
    /// The files, and the titles of what is drawn in them.
    pub(crate) plots: &'static [(&'static str, &'static str)],
}

pub(crate) const AREAS: [Area; 14] = [
    Area {
        bench: "spawn_join",
        name: "Start and join",
        question: "What does it cost to start tasks and to wait for all of them?",
        plots: &[
            ("spawn-join", "spawn and join 1000, one yield, two workers"),
            (
                "spawn-join-by-size",
                "one child, by the size of its group, current-thread",
            ),
            (
                "nesting",
                "one group in a group, by the depth of the nesting, current-thread",
            ),
        ],
    },
    Area {
        bench: "spawn_join_python",
        name: "Start and join, beside Python",
        question: "What does a task in a group cost here, and in the task groups of Python?",
        plots: &[(
            "spawn-join-python",
            "spawn and join 1000, one yield, beside Python",
        )],
    },
    Area {
        bench: "cancel_all",
        name: "Cancel",
        question: "How long does it take from the order to cancel until the last task has been dropped?",
        plots: &[("cancel-all", "cancel 20000 parked tasks, two workers")],
    },
    Area {
        bench: "memory",
        name: "Memory",
        question: "What does a task hold while it waits?",
        plots: &[("memory", "a task that waits, holding 64 bytes")],
    },
    Area {
        bench: "combinators",
        name: "Combinators",
        question: "What does it cost to have all results of many futures, or the first?",
        plots: &[(
            "gather",
            "all results of 1000, in their order, current-thread",
        )],
    },
    Area {
        bench: "managers",
        name: "Managers",
        question: "What does a manager cost, beside the same set-up and cleanup written by hand?",
        plots: &[
            ("managers", "a manager, set-up and cleanup suspend once"),
            (
                "dropped",
                "a value is dropped, and its cleanup has ended, two workers",
            ),
        ],
    },
    Area {
        bench: "exit_stack",
        name: "Exit stack",
        question: "What does an entry of an exit stack of eight cost, beside the same eight set-ups and cleanups written by hand?",
        plots: &[(
            "exit-stack",
            "one of eight entries, set-up and cleanup suspend once",
        )],
    },
    Area {
        bench: "timers",
        name: "Timers",
        question: "What does a tick cost, and what do 100,000 timers?",
        plots: &[("timers-growth", "a tick, by how many timers there are")],
    },
    Area {
        bench: "server",
        name: "Requests",
        question: "What does a request cost a server, and how long does it take at a fixed rate?",
        plots: &[
            (
                "server-cpu",
                "http requests on 64 connections, 2 workers: CPU of the server",
            ),
            (
                "server-echo-cpu",
                "echo requests on 64 connections, 2 workers: CPU of the server",
            ),
        ],
    },
    Area {
        bench: "server_balance",
        name: "Balance",
        question: "How evenly are connections spread over the workers?",
        plots: &[(
            "server-balance",
            "2000 connections, 64 at once, 4 workers: the busiest",
        )],
    },
    Area {
        bench: "server_life",
        name: "Life of a server",
        question: "What do the start, a reload and the idle parent of a server cost?",
        plots: &[
            ("server-start", "from run() to ready"),
            (
                "server-workers",
                "start and stop, one more worker, by how many there are: system calls",
            ),
            (
                "server-reloads",
                "the parent, by the number of reloads: memory",
            ),
        ],
    },
    Area {
        bench: "compile_time",
        name: "Compile time",
        question: "What do 100 annotated functions cost to compile, beside the same written by hand?",
        plots: &[],
    },
    Area {
        bench: "instructions",
        name: "Instructions",
        question: "How many instructions does each piece of work take?",
        plots: &[
            ("instructions", "one task of 1000, one yield, instructions"),
            (
                "manager-instructions",
                "a manager, suspending, instructions",
            ),
        ],
    },
    Area {
        bench: "growth",
        name: "Growth",
        question: "Does one cost more where there are many?",
        plots: &[
            (
                "growth-children",
                "one child, by the size of its group, instructions",
            ),
            (
                "growth-cancelled",
                "one parked child, started and cancelled, by the size of its group, instructions",
            ),
            (
                "growth-nesting",
                "one group in a group, by the depth of the nesting, instructions",
            ),
            (
                "growth-cleanups",
                "one cleanup in the background, by how many there are, instructions",
            ),
            (
                "growth-exit-stack",
                "one entry of an exit stack, by its size, instructions",
            ),
            (
                "growth-exit-stack-allocations",
                "one entry of an exit stack, by its size, allocations",
            ),
            (
                "growth-actxgroup",
                "one manager of an actxgroup, by its size, instructions",
            ),
            (
                "growth-actxgroup-allocations",
                "one manager of an actxgroup, by its size, allocations",
            ),
        ],
    },
];
