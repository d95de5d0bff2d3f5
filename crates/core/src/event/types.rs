//! The closed list of event types.

macro_rules! types {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)+) => {
        /// What an event reports. The full type is [`TYPE_PREFIX`] and this word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventType { $($(#[$doc])* $variant,)+ }

        /// Every event type.
        pub const EVENT_TYPES: &[EventType] = &[$(EventType::$variant,)+];

        impl EventType {
            /// `<noun>.<verb>`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The type of that `<noun>.<verb>`.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

/// What every type begins with.
pub const TYPE_PREFIX: &str = "reporting-governance.";

types! {
    /// A task begins, or begins again.
    TaskStarted = "task.started";
    /// A task is alive.
    TaskCheckpointed = "task.checkpointed";
    /// A task waits for a person.
    TaskWaiting = "task.waiting";
    /// A task can't go on without help.
    TaskBlocked = "task.blocked";
    /// A task goes on.
    TaskUnblocked = "task.unblocked";
    /// A task says that it is done.
    TaskCompleted = "task.completed";
    /// A task says that it failed.
    TaskFailed = "task.failed";
    /// A tool call begins.
    ToolStarted = "tool.started";
    /// A tool call ends.
    ToolFinished = "tool.finished";
    /// An agent claims something.
    ClaimMade = "claim.made";
    /// Evidence is brought.
    EvidenceAdded = "evidence.added";
    /// An agent asks that a gate be opened.
    ApprovalRequested = "approval.requested";
    /// Somebody asks that the operator be told something.
    NoticeRequested = "notice.requested";
    /// Candor: a task is silent beyond period and grace.
    TaskMissed = "task.missed";
    /// Candor: a task takes longer than it said.
    TaskSlow = "task.slow";
    /// Candor: a task that was missed is back to life.
    TaskRecovered = "task.recovered";
    /// Candor: nobody took an incident on; the next level is due.
    TaskEscalated = "task.escalated";
}

impl EventType {
    /// Whether only Candor itself may make it.
    #[must_use]
    pub fn is_reserved(self) -> bool {
        matches!(self, Self::TaskMissed | Self::TaskSlow | Self::TaskRecovered | Self::TaskEscalated)
    }

    /// Whether it must name a task.
    #[must_use]
    pub fn needs_task(self) -> bool {
        !matches!(self, Self::NoticeRequested)
    }
}
