/*
 * One action on one host: ticket, ledger, verification and dead-man, as README.md beside this file maps them to the
 * code. Checked by Tests/Model/run.
 *
 * What is sent may arrive late, often, or never, in any order, also after restarts: a message that was once sent is
 * simply there for good, and whoever wants may take it. Agent and coordinator may be killed between any two steps.
 *
 * PLANTED=1: the action begins before its step is synced
 * PLANTED=2: a plan that was carried out is not remembered by its id
 * PLANTED=3: taking back is noted only after it was done
 * PLANTED=4: an interrupted action is run again
 * PLANTED=5: an interrupted action is called failed without asking the probe
 */
#ifndef PLANTED
#define PLANTED 0
#endif
#ifndef CRASHES
#define CRASHES 3
#endif

mtype = { none, refused, prepared, running, done, undoing, committed, rolled_back, failed, rollback_failed,
          indeterminate };

/* On the wire, for ever. The thief has the coordinator's disk and makes a second ticket of the approved plan. */
bool ticket_sent, second_sent, commit_sent, abort_sent;

/* In the ledger: survives every crash, because it is synced before anything follows from it. */
mtype entry = none;          /* of the plan's first ticket that was taken on */
bool by_second;              /* which ticket that was */
mtype other = none;          /* of the other ticket */

/* In the agent's memory. */
bool alive = true, acting, undo_acting;

/* The world. */
byte effects, undos, crashes;
bool deadline;               /* the time to decide is over; only of what is done */
bool self_verifies;          /* the plan asks the host to look by itself */
bool probes;                 /* the policy has a probe for what a crash interrupted */

/* In the coordinator's record. */
bool ticketed, told_final;
mtype known = none;          /* newest report that it has stored */

#define is_final(s) (s == committed || s == rolled_back || s == failed || s == rollback_failed || s == indeterminate)

inline step(to) {            /* LedgerFile.take: written, synced, and only then true */
    assert(!is_final(entry));
    entry = to
}

inline take_on(second) {     /* ActionDesk.receive */
    if
    :: entry == none || PLANTED == 2 ->
        if
        :: entry != none -> other = refused     /* so that it is planted once */
        :: else -> skip
        fi;
        acting = false;
        entry = prepared;
        by_second = second
    :: else -> if
        :: by_second != second && other == none -> other = refused
        :: else -> skip      /* known: its state is told again */
        fi
    fi
}

active proctype Agent() {
    do
    /* Messages. */
    :: atomic { alive && ticket_sent && (entry == none || (by_second && other == none)) -> take_on(false) }
    :: atomic { alive && second_sent && (entry == none || (!by_second && other == none)) -> take_on(true) }
    :: atomic { alive && commit_sent && entry == done -> step(committed) }      /* ActionDesk.commit */
    :: atomic { alive && abort_sent && entry == prepared && !acting -> step(failed) } /* ActionDesk.abort: not begun */
    :: atomic { alive && abort_sent && entry == done && !undo_acting ->
        if
        :: PLANTED == 3 -> skip
        :: else -> step(undoing)
        fi;
        undo_acting = true
    }

    /* ActionDesk.begin: first the ledger, then the world. */
    :: atomic { alive && entry == prepared && !acting && PLANTED != 1 -> step(running); acting = true }
    :: atomic { alive && entry == prepared && !acting && PLANTED == 1 -> acting = true }
    :: atomic { alive && entry == prepared && !acting -> step(failed) }         /* lapsed, policy changed, own check */
    :: atomic { alive && acting && effects < 3 ->
        assert(entry == running);
        effects++;
        acting = false;
        if
        :: step(done)                                                           /* ended well */
        :: step(undoing); undo_acting = true                                    /* ended badly: taken back */
        :: step(indeterminate)                                                  /* its end is not known */
        fi
    }
    /* The same, with a kill between the effect and its step: the effect stays, acting is forgotten by the crash. */
    :: atomic { alive && acting && effects < 3 && crashes < CRASHES ->
        assert(entry == running);
        effects++;
        crashes++;
        alive = false; acting = false; undo_acting = false
    }

    /* ActionDesk.look and tick: the host's own eyes, and the clock that nobody sets. */
    :: atomic { alive && entry == done && self_verifies && !deadline && !undo_acting -> step(committed) }
    :: atomic { alive && entry == done && deadline && !undo_acting ->
        if
        :: PLANTED == 3 -> skip
        :: else -> step(undoing)
        fi;
        undo_acting = true
    }
    :: atomic { alive && undo_acting && undos < 3 ->
        assert(entry == undoing || PLANTED == 3);
        undos++;
        undo_acting = false;
        if
        :: step(rolled_back)
        :: step(rollback_failed)
        :: step(indeterminate)
        fi
    }
    :: atomic { alive && undo_acting && undos < 3 && crashes < CRASHES ->
        undos++;
        crashes++;
        alive = false; acting = false; undo_acting = false
    }

    /* Killed at any other moment, and started again: ActionDesk.recover. */
    :: atomic { alive && crashes < CRASHES -> crashes++; alive = false; acting = false; undo_acting = false }
    :: atomic { !alive ->
        alive = true;
        if
        :: entry == prepared -> step(failed)
        :: entry == running && PLANTED == 4 -> acting = true
        :: entry == running && PLANTED == 5 -> step(failed)
        :: entry == running && PLANTED != 4 && PLANTED != 5 ->                  /* ActionDesk.settled */
            if
            :: probes && effects == 1 -> step(done)
            :: probes && effects == 0 -> step(failed)
            :: step(indeterminate)                                              /* no probe, or it can't tell */
            fi
        :: entry == undoing -> step(indeterminate)
        :: else -> skip
        fi
    }
    /* It has nothing left to do. */
    :: atomic { alive && is_final(entry) && known == entry -> break }
    od
}

active proctype Clock() {
    do
    :: atomic { entry == done && !deadline -> deadline = true }
    :: is_final(entry) -> break
    od
}

/* The coordinator forgets nothing that it acted upon: each step is in its record first. A crash of it is a pause, and
   what it had sent may be sent again, which is what a message that stays on the wire is. */
active proctype Coordinator() {
    do
    :: atomic { !ticketed -> ticketed = true }                                  /* actionTicketed */
    :: atomic { ticketed && !ticket_sent && known == none -> ticket_sent = true } /* CourierEngine, deliver */
    :: atomic { known == done && !commit_sent && !abort_sent -> commit_sent = true }
    :: atomic { !commit_sent && !abort_sent && ticketed -> abort_sent = true }  /* a rollout stopped, people said so */
    :: atomic { alive && known != entry && entry != none -> known = entry }     /* reports, told until acknowledged */
    :: atomic { is_final(known) -> told_final = true; break }
    od
}

/* Has everything that the coordinator has: the approved plan, and the right to make tickets of it. */
active proctype Thief() {
    if
    :: atomic { ticketed -> second_sent = true }
    :: skip
    fi
}

init {
    if
    :: self_verifies = true
    :: self_verifies = false
    fi;
    if
    :: probes = true
    :: probes = false
    fi
}

/* Looked at in every state. */
active proctype Watch() {
end:
    atomic {
        !(effects <= 1 && undos <= 1 && undos <= effects
          && (entry != committed || (undos == 0 && effects == 1))
          && (entry != rolled_back || (undos == 1 && effects == 1))
          && (entry != done || effects == 1)
          && (entry != prepared || effects == 0)
          && (entry != failed || effects == 0)) -> assert(false)
    }
}

/* Every ticket that was taken on comes to an end, and the end is told. */
ltl told { [] (entry != none -> <> told_final) }
