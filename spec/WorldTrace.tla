----------------------------- MODULE WorldTrace -----------------------------
(***************************************************************************)
(* Is a trace of a running server (everframed --trace FILE) one that       *)
(* WorldState licenses, as far as it can be seen from outside? TLC walks   *)
(* along the trace; where a step is not licensed it reports a deadlock,    *)
(* and `line` is that step's. src/inspect/step_relation.cpp is the same    *)
(* relation in C++.                                                        *)
(*                                                                         *)
(* Trace comes from tools/trace_to_tla.sh: one region's, from a world's    *)
(* first take-over on. Whoever writes it may be killed at any time: what   *)
(* MakeDurable and CommitFrame did just before that is learnt from what    *)
(* the next owner finds.                                                   *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, TLC, WorldTraceSteps

VARIABLES
  line,     \* of the trace: the next
  epoch, head, open,
  arrived,  \* in the owner's memory, not durable as far as we know
  perhaps,  \* likewise, of owners that are gone
  queue,    \* durable
  work,     \* the frame under way: number and actions; 0: none
  last,     \* of each player: the last seq that a frame holds
  outcome   \* of each action in a frame: that frame, and the reason; or -1, where nobody has said it

vars == <<line, epoch, head, open, arrived, perhaps, queue, work, last, outcome>>

Refs(actions) == {<<actions[i][1], actions[i][2]>> : i \in DOMAIN actions}
Players == UNION {{ref[1] : ref \in Refs(Trace[i].actions)} : i \in DOMAIN Trace}
NoWork == [no |-> 0, actions |-> <<>>]
Max(set) == CHOOSE x \in set : \A y \in set : y <= x
Taken(p) == Max({last[p]} \cup {ref[2] : ref \in {one \in queue \cup arrived : one[1] = p}})
Done(ref) == ref[2] <= last[ref[1]]
Durable(ref) == Done(ref) \/ ref \in queue

\* Each player's actions in it follow what was done, one by one.
InOrder(actions) ==
  \A i \in DOMAIN actions :
    actions[i][2] = last[actions[i][1]] + 1 + Cardinality({j \in 1..(i - 1) : actions[j][1] = actions[i][1]})

Init ==
  /\ line = 1 /\ epoch = 0 /\ head = 0 /\ open = FALSE
  /\ arrived = {} /\ perhaps = {} /\ queue = {} /\ work = NoWork
  /\ last = [p \in Players |-> 0] /\ outcome = <<>>

\* What a committed frame changes.
Commit(no, actions, reason(_)) ==
  /\ head' = no
  /\ last' = [p \in Players |-> Max({last[p]} \cup {ref[2] : ref \in {one \in Refs(actions) : one[1] = p}})]
  /\ outcome' = [ref \in Refs(actions) |-> <<no, reason(ref)>>] @@ outcome
  /\ queue' = queue \ Refs(actions)

TakeOver(t) ==
  /\ t.epoch > epoch /\ epoch' = t.epoch /\ open' = FALSE /\ work' = NoWork
  /\ IF t.frame = head THEN UNCHANGED <<head, last, outcome, queue>>
     ELSE LET unknown(ref) == -1 IN t.frame = work.no /\ Commit(work.no, work.actions, unknown)
  /\ arrived' = {} /\ perhaps' = perhaps \cup arrived

Open(t) ==
  LET found == Refs(t.actions) IN
  /\ t.epoch = epoch /\ ~open /\ open' = TRUE
  /\ queue \subseteq found /\ found \subseteq queue \cup perhaps
  /\ \A ref \in found : ~Done(ref)
  /\ queue' = found /\ perhaps' = {}
  /\ UNCHANGED <<epoch, head, arrived, work, last, outcome>>

Enter(t) ==
  /\ t.epoch = epoch /\ t.actions[1][2] = last[t.actions[1][1]]
  /\ UNCHANGED <<epoch, head, open, arrived, perhaps, queue, work, last, outcome>>

\* SendInput, or a Resend of what this owner does not know.
Arrive(t) ==
  /\ t.epoch = epoch /\ open /\ t.actions[1][2] = Taken(t.actions[1][1]) + 1
  /\ arrived' = arrived \cup Refs(t.actions)
  /\ UNCHANGED <<epoch, head, open, perhaps, queue, work, last, outcome>>

MakeDurable(t) ==
  /\ t.epoch = epoch /\ Refs(t.actions) \subseteq arrived
  /\ arrived' = arrived \ Refs(t.actions) /\ queue' = queue \cup Refs(t.actions)
  /\ UNCHANGED <<epoch, head, open, perhaps, work, last, outcome>>

StartFrame(t) ==
  /\ t.epoch = epoch /\ open /\ work = NoWork /\ t.frame = head + 1
  /\ Refs(t.actions) \subseteq queue /\ InOrder(t.actions)
  /\ work' = [no |-> t.frame, actions |-> t.actions]
  /\ UNCHANGED <<epoch, head, open, arrived, perhaps, queue, last, outcome>>

\* CommitFrame, and FinishFrame right after it.
FinishFrame(t) ==
  LET said(ref) == LET i == CHOOSE j \in DOMAIN t.actions : <<t.actions[j][1], t.actions[j][2]>> = ref
                   IN t.actions[i][3]
  IN
  /\ t.epoch = epoch /\ work.no = t.frame /\ Len(work.actions) = Len(t.actions)
  /\ \A i \in DOMAIN t.actions : /\ work.actions[i][1] = t.actions[i][1]
                                 /\ work.actions[i][2] = t.actions[i][2]
  /\ Commit(t.frame, t.actions, said)
  /\ work' = NoWork
  /\ UNCHANGED <<epoch, open, arrived, perhaps>>

\* Durable before told, and each answer as it was at first.
Told(t) ==
  /\ CASE t.step \in {"accepted", "say_accepted"} -> \A ref \in Refs(t.actions) : Durable(ref)
       [] t.step = "show" -> t.frame <= head
       [] t.step \in {"answered", "say_answer"} ->
            LET a == t.actions[1]
                ref == <<a[1], a[2]>>
            IN Done(ref) /\ outcome[ref][1] = t.frame /\ outcome[ref][2] \in {a[3], -1}
  /\ UNCHANGED <<epoch, head, open, arrived, perhaps, queue, work, last, outcome>>

Step(t) ==
  CASE t.step = "take_over" -> TakeOver(t)
    [] t.step = "open" -> Open(t)
    [] t.step = "enter" -> Enter(t)
    [] t.step = "arrive" -> Arrive(t)
    [] t.step = "durable" -> MakeDurable(t)
    [] t.step = "start_frame" -> StartFrame(t)
    [] t.step = "finish_frame" -> FinishFrame(t)
    [] OTHER -> Told(t)

Next ==
  \/ line <= Len(Trace) /\ Step(Trace[line]) /\ line' = line + 1
  \/ line > Len(Trace) /\ UNCHANGED vars

Spec == Init /\ [][Next]_vars
=============================================================================
