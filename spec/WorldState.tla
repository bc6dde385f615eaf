----------------------------- MODULE WorldState -----------------------------
(***************************************************************************)
(* A world of regions, small, with everything that can go wrong: the model *)
(* behind design.md sections 1, 3 and 6. Players send actions; a region    *)
(* makes them durable (T1), gathers them into a frame, commits the frame   *)
(* (T2) and only then shows it. Regions change hands by epochs in the      *)
(* store; bodies change regions by mail. README.md says what each action   *)
(* stands for in the code, and how large a run is.                         *)
(*                                                                         *)
(* The rules of the world in small: a tree gives wood (a declared source), *)
(* a wall at the one site, at Home, costs an item (a declared sink), a     *)
(* gift changes no total, and who moves takes all that it carries into the *)
(* other region.                                                           *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, TLC

CONSTANTS
  Players,     \* each is the id of its body too
  Tree, Wall,  \* the two other entities
  Nodes,       \* server processes
  Home, Away,  \* the two regions
  Kinds,       \* which actions players send: a subset of AllKinds
  SeqMax,      \* actions of one player
  ActionsMax,  \* actions of all players
  FaultsMax,   \* crashes, connections that break, commits that come to nothing: all together
  HandsMax,    \* how often regions change hands, all together
  None,        \* nobody, nothing, nowhere
  Broken       \* "nothing", or the bug that is put in to see it caught

VARIABLES
  \* the store: what is durable
  epoch,     \* of each region: its owner's number
  frame,     \* of each region: number of its last frame (the head)
  rows,      \* of each region: the entities in it
  mail,      \* to each region: bodies and actions under way to it
  input,     \* of each region: the durable queue, actions between T1 and T2
  ledger,    \* what players' inventories must add up to
  \* what a node has in memory of a region
  mem,
  \* players
  sess,      \* where each one's session is
  act,       \* what each one has sent, by seq
  accepted,  \* which seqs it was told are durable
  answers,   \* by seq: what it was told came of it
  shown,     \* of each region: the last frame that anybody was shown
  \* history, for the invariants alone
  writer,    \* of each region: the epoch that wrote last
  done,      \* by player and seq: how many frames it took effect in
  faults

store == <<epoch, frame, rows, mail, input, ledger, writer, done>>
clients == <<sess, act, accepted, answers, shown>>
vars == <<store, mem, clients, faults>>

Regions == {Home, Away}
Entities == Players \cup {Tree, Wall}
AllKinds == {"move", "harvest", "build", "give"}
Bugs == {"nothing", "t1 without epoch", "t2 without epoch", "lookup without epoch", "retry without lookup",
         "show before commit", "accept before t1", "no seq check", "ledger apart", "mail apart",
         "gift before look", "forget on hand-over", "swallow resends"}
Inputs == Players \X (1..SeqMax)
ASSUME Kinds \subseteq AllKinds /\ Broken \in Bugs /\ Home # Away

Next_door(r) == IF r = Home THEN Away ELSE Home
Friend(p) == IF Cardinality(Players) = 1 THEN p ELSE CHOOSE q \in Players : q # p
Without(f, gone) == [e \in DOMAIN f \ gone |-> f[e]]
Outcomes == {"applied", "refused"}

\* An entity: what it holds (the wood that is left, of a tree), and of a body what came of its player's
\* actions: the idempotency record, which goes wherever the body goes.
Row(items) == [items |-> items, out |-> <<>>]
NoMail == [bodies |-> <<>>, inputs |-> {}]
NoWork == [no |-> 0]
Down == [phase |-> "down", as |-> 0, head |-> 0, here |-> <<>>, arrived |-> {}, queue |-> {},
         work |-> NoWork]

-----------------------------------------------------------------------------
(* The rules: one action upon a draft of a frame. A pure function.         *)

\* Who gives, or builds, must have something; the bug looks only afterwards.
Has(draft, p) == draft.here[p].items > 0 \/ Broken = "gift before look"

Effect(d, p, kind) ==
  CASE kind = "move" ->
         [d EXCEPT !.out.bodies = @ @@ (p :> d.here[p]),
                   !.here = Without(@, {p})]
    [] kind = "harvest" ->
         [d EXCEPT !.here[Tree].items = @ - 1, !.here[p].items = @ + 1, !.minted = @ + 1]
    [] kind = "build" ->
         [d EXCEPT !.here = [@ EXCEPT ![p].items = @ - 1] @@ (Wall :> Row(0)), !.minted = @ - 1]
    [] kind = "give" ->
         [d EXCEPT !.here[p].items = @ - 1, !.here[Friend(p)].items = @ + 1]

Possible(d, p, kind) ==
  CASE kind = "move" -> TRUE
    [] kind = "harvest" -> Tree \in DOMAIN d.here /\ d.here[Tree].items > 0
    [] kind = "build" -> Has(d, p) /\ d.site /\ Wall \notin DOMAIN d.here
    [] kind = "give" -> Has(d, p) /\ Friend(p) \in DOMAIN d.here /\ Friend(p) # p

\* One input. Whose body is not here is sent on after it; what was done already is left out; what comes too
\* early waits in the queue.
Apply(d, p, s) ==
  IF p \notin DOMAIN d.here THEN
    IF Broken = "forget on hand-over" THEN [d EXCEPT !.took = @ \cup {<<p, s>>}]
    ELSE [d EXCEPT !.took = @ \cup {<<p, s>>}, !.out.inputs = @ \cup {<<p, s>>}]
  ELSE
    LET last == Len(d.here[p].out)
        kind == act[p][s]
        ok == Possible(d, p, kind)
        outcome == IF ok THEN "applied" ELSE "refused"
        noted == [d EXCEPT !.took = @ \cup {<<p, s>>}, !.did = Append(@, <<p, s, outcome>>),
                           !.here[p].out = Append(@, outcome)]
    IN IF s > last + 1 THEN d
       ELSE IF s <= last /\ Broken # "no seq check" THEN [d EXCEPT !.took = @ \cup {<<p, s>>}]
       ELSE IF ok THEN Effect(noted, p, kind) ELSE noted

RECURSIVE ApplyAll(_, _)
ApplyAll(d, todo) == IF todo = <<>> THEN d ELSE ApplyAll(Apply(d, todo[1][1], todo[1][2]), Tail(todo))

Orders == {f \in [1..Cardinality(Players) -> Players] : \A i, j \in DOMAIN f : i # j => f[i] # f[j]}
RECURSIVE InOrder(_, _, _)
InOrder(inputs, order, i) ==
  IF i > Len(order) THEN <<>>
  ELSE LET own == SelectSeq([s \in 1..SeqMax |-> <<order[i], s>>], LAMBDA one : one \in inputs)
       IN own \o InOrder(inputs, order, i + 1)

-----------------------------------------------------------------------------
Owns(n, r) == mem[r][n].phase # "down" /\ mem[r][n].as = epoch[r]
Orphaned(r) == \A n \in Nodes : ~Owns(n, r)
\* Changes of hands that are left when every region without an owner has found one.
Spare == HandsMax - (epoch[Home] + epoch[Away] - 2) - Cardinality({r \in Regions : Orphaned(r)})
SessionsOf(n, r) == {p \in Players : sess[p] = <<n, r>>}
Ended(n, r) == [p \in Players |-> IF sess[p] = <<n, r>> THEN None ELSE sess[p]]

\* The last seq of p up to which memory knows all.
Taken(m, p) ==
  LET known(s) == s <= Len(m.here[p].out) \/ <<p, s>> \in m.arrived \cup m.queue
      RECURSIVE upto(_)
      upto(s) == IF s < SeqMax /\ known(s + 1) THEN upto(s + 1) ELSE s
  IN upto(0)

\* A node that is told that the region is not its own any more ends its actor.
Lose(n, r) ==
  /\ mem' = [mem EXCEPT ![r][n] = Down]
  /\ sess' = Ended(n, r)
  /\ UNCHANGED <<store, act, accepted, answers, shown, faults>>

Init ==
  /\ rows = [r \in Regions |-> IF r = Home THEN [e \in Players \cup {Tree} |-> Row(1)] ELSE <<>>]
  /\ epoch = [r \in Regions |-> 1]
  /\ writer = [r \in Regions |-> 1]
  /\ frame = [r \in Regions |-> 0]
  /\ mail = [r \in Regions |-> NoMail]
  /\ input = [r \in Regions |-> {}]
  /\ ledger = Cardinality(Players)
  /\ \E n \in Nodes :
       /\ mem = [r \in Regions |-> [m \in Nodes |->
                IF m = n THEN [Down EXCEPT !.phase = "open", !.as = 1, !.here = rows[r]] ELSE Down]]
       /\ sess = [p \in Players |-> <<n, Home>>]
  /\ act = [p \in Players |-> <<>>]
  /\ accepted = [p \in Players |-> {}]
  /\ answers = [p \in Players |-> [s \in 1..SeqMax |-> None]]
  /\ shown = [r \in Regions |-> [no |-> 0, here |-> rows[r]]]
  /\ done = [p \in Players |-> [s \in 1..SeqMax |-> 0]]
  /\ faults = 0

-----------------------------------------------------------------------------
(* Players                                                                 *)

Enter(p, n, r) ==
  /\ sess[p] = None /\ mem[r][n].phase = "open" /\ p \in DOMAIN mem[r][n].here
  /\ sess' = [sess EXCEPT ![p] = <<n, r>>]
  /\ UNCHANGED <<store, mem, act, accepted, answers, shown, faults>>

Leave(p) ==
  /\ sess[p] # None /\ faults < FaultsMax
  /\ sess' = [sess EXCEPT ![p] = None]
  /\ faults' = faults + 1
  /\ UNCHANGED <<store, mem, act, accepted, answers, shown>>

\* Into the region's memory, to be made durable.
Take(p, s, n, r) ==
  /\ s = Taken(mem[r][n], p) + 1
  /\ mem' = [mem EXCEPT ![r][n].arrived = @ \cup {<<p, s>>}]
  /\ accepted' = IF Broken = "accept before t1" THEN [accepted EXCEPT ![p] = @ \cup {s}] ELSE accepted

SendInput(p, n, r, kind) ==
  LET s == Len(act[p]) + 1 IN
  /\ sess[p] = <<n, r>> /\ p \in DOMAIN mem[r][n].here
  /\ s <= SeqMax /\ Cardinality({<<q, i>> \in Inputs : i <= Len(act[q])}) < ActionsMax
  /\ act' = [act EXCEPT ![p] = Append(@, kind)]
  /\ Take(p, s, n, r)
  /\ UNCHANGED <<store, sess, answers, shown, faults>>

\* An action that was sent and not answered, once more: a new one for a region that does not know it, else
\* its answer is the first one again, or still to come.
Resend(p, s, n, r) ==
  LET m == mem[r][n] IN
  /\ sess[p] = <<n, r>> /\ p \in DOMAIN m.here
  /\ s <= Len(act[p]) /\ answers[p][s] = None
  /\ \/ Take(p, s, n, r) /\ UNCHANGED answers
     \/ /\ s <= Len(m.here[p].out) /\ Broken # "swallow resends"
        /\ answers' = [answers EXCEPT ![p][s] = m.here[p].out[s]]
        /\ UNCHANGED <<mem, accepted>>
     \/ /\ s > Len(m.here[p].out) /\ <<p, s>> \in m.queue
        /\ accepted' = [accepted EXCEPT ![p] = @ \cup {s}]
        /\ UNCHANGED <<mem, answers>>
  /\ UNCHANGED <<store, sess, act, shown, faults>>

-----------------------------------------------------------------------------
(* A region                                                                *)

\* T1: what has arrived becomes durable. Where the result is unknown it is made again: the same rows.
MakeDurable(n, r) ==
  LET m == mem[r][n]
      own == epoch[r] = m.as \/ Broken = "t1 without epoch"
      told == {one \in m.arrived : sess[one[1]] = <<n, r>>}
  IN
  /\ m.phase = "open" /\ m.arrived # {}
  /\ IF ~own THEN Lose(n, r) ELSE
       /\ input' = [input EXCEPT ![r] = @ \cup m.arrived]
       /\ writer' = [writer EXCEPT ![r] = m.as]
       /\ \/ /\ mem' = [mem EXCEPT ![r][n].arrived = {}, ![r][n].queue = @ \cup m.arrived]
             /\ accepted' = [p \in Players |-> accepted[p] \cup {s \in 1..SeqMax : <<p, s>> \in told}]
          \/ UNCHANGED <<mem, accepted>>  \* unknown: to be made again
       /\ UNCHANGED <<epoch, frame, rows, mail, ledger, done, sess, act, answers, shown, faults>>

\* StartProcessingInputs: mail and queue, in some order of the players, upon what is in memory.
StartFrame(n, r) ==
  LET m == mem[r][n]
      inputs == m.queue \cup mail[r].inputs
      draft == [here |-> m.here @@ mail[r].bodies, site |-> r = Home,
                out |-> NoMail, took |-> {}, did |-> <<>>, minted |-> 0]
  IN
  /\ m.phase = "open" /\ m.work = NoWork
  /\ inputs # {} \/ mail[r] # NoMail
  /\ \E order \in Orders :
       LET d == ApplyAll(draft, InOrder(inputs, order, 1)) IN
       /\ d.took # {} \/ mail[r] # NoMail
       /\ mem' = [mem EXCEPT ![r][n].work =
                   [no |-> m.head + 1, here |-> d.here, in |-> mail[r], out |-> d.out, took |-> d.took,
                    did |-> d.did, minted |-> d.minted, state |-> "sent"]]
       /\ IF Broken = "show before commit"
          THEN shown' = [shown EXCEPT ![r] = [no |-> m.head + 1, here |-> d.here]]
          ELSE UNCHANGED shown
  /\ UNCHANGED <<store, sess, act, accepted, answers, faults>>

\* Everything that T2 writes, at once.
Write(n, r) ==
  LET m == mem[r][n]
      w == m.work
      there == Next_door(r)
      torn == Broken = "mail apart" /\ DOMAIN w.out.bodies # {}
  IN
  /\ frame' = [frame EXCEPT ![r] = IF Broken = "retry without lookup" THEN @ + 1 ELSE w.no]
  /\ rows' = [rows EXCEPT ![r] = IF torn THEN w.here @@ w.out.bodies ELSE w.here]
  /\ mail' = [mail EXCEPT ![r] = [bodies |-> Without(@.bodies, DOMAIN w.in.bodies),
                                  inputs |-> @.inputs \ w.in.inputs],
                          ![there] = [bodies |-> @.bodies @@ w.out.bodies,
                                      inputs |-> @.inputs \cup w.out.inputs]]
  /\ input' = [input EXCEPT ![r] = (@ \cup w.in.inputs) \ w.took]
  /\ ledger' = ledger + (IF Broken = "ledger apart" THEN 0 ELSE w.minted)
  /\ writer' = [writer EXCEPT ![r] = m.as]
  /\ done' = [p \in Players |-> [s \in 1..SeqMax |->
               done[p][s] + Len(SelectSeq(w.did, LAMBDA one : one[1] = p /\ one[2] = s))]]
  /\ UNCHANGED epoch

\* ProcessInputsAndUpdateWorld, T2: with epoch and head as they were, all of it; else none.
CommitFrame(n, r) ==
  LET m == mem[r][n]
      own == epoch[r] = m.as \/ Broken = "t2 without epoch"
      next == frame[r] = m.head \/ Broken = "retry without lookup"
  IN
  /\ m.work # NoWork /\ m.work.state = "sent"
  /\ IF ~own \/ ~next THEN Lose(n, r) ELSE
       /\ Write(n, r)
       /\ \E known \in {"known", "unknown"} : mem' = [mem EXCEPT ![r][n].work.state = known]
       /\ UNCHANGED <<clients, faults>>

\* The commit came to nothing, and the region is not told which.
CommitInVain(n, r) ==
  /\ mem[r][n].work # NoWork /\ mem[r][n].work.state = "sent" /\ faults < FaultsMax
  /\ mem' = [mem EXCEPT ![r][n].work.state = "unknown"]
  /\ faults' = faults + 1
  /\ UNCHANGED <<store, clients>>

\* An unknown result is looked up: the head has this frame's number, or still the one before.
LookUp(n, r) ==
  LET m == mem[r][n]
      own == epoch[r] = m.as \/ Broken \in {"lookup without epoch", "t2 without epoch"}
      to(state) == /\ mem' = [mem EXCEPT ![r][n].work.state = state]
                   /\ UNCHANGED <<store, clients, faults>>
  IN
  /\ m.work # NoWork /\ m.work.state = "unknown"
  /\ IF ~own THEN Lose(n, r)
     ELSE IF frame[r] = m.head \/ Broken = "retry without lookup" THEN to("sent")
     ELSE IF frame[r] = m.work.no THEN to("known")
     ELSE Lose(n, r)

\* FinishFrameCycle: it is durable, and may be seen.
FinishFrame(n, r) ==
  LET m == mem[r][n]
      w == m.work
      Outcome(p, s) == {w.did[i][3] : i \in {j \in DOMAIN w.did : w.did[j][1] = p /\ w.did[j][2] = s}}
  IN
  /\ w # NoWork /\ w.state = "known"
  /\ mem' = [mem EXCEPT ![r][n] = [@ EXCEPT !.head = w.no, !.here = w.here, !.work = NoWork,
                                            !.queue = (@ \cup w.in.inputs) \ w.took]]
  /\ answers' = [p \in Players |-> [s \in 1..SeqMax |->
                  IF sess[p] = <<n, r>> /\ Outcome(p, s) # {} /\ answers[p][s] = None
                  THEN CHOOSE outcome \in Outcome(p, s) : TRUE ELSE answers[p][s]]]
  /\ shown' = IF shown[r].no < w.no THEN [shown EXCEPT ![r] = [no |-> w.no, here |-> w.here]] ELSE shown
  \* who has crossed the border goes on in the other region
  /\ sess' = [p \in Players |-> IF sess[p] = <<n, r>> /\ p \in DOMAIN w.out.bodies THEN None ELSE sess[p]]
  /\ UNCHANGED <<store, act, accepted, faults>>

-----------------------------------------------------------------------------
(* Crashes and owners. A node whose lease was given away goes on as if it  *)
(* had it, until the store says otherwise.                                 *)

Crash(n, r) ==
  /\ mem[r][n].phase # "down" /\ faults < FaultsMax
  /\ Owns(n, r) => Spare > 0
  /\ faults' = faults + 1
  /\ mem' = [mem EXCEPT ![r][n] = Down]
  /\ sess' = Ended(n, r)
  /\ UNCHANGED <<store, act, accepted, answers, shown>>

TakeOver(n, r) ==
  /\ mem[r][n].phase = "down" /\ (Orphaned(r) \/ Spare > 0)
  /\ epoch' = [epoch EXCEPT ![r] = @ + 1]
  /\ writer' = [writer EXCEPT ![r] = epoch[r] + 1]
  /\ mem' = [mem EXCEPT ![r][n] = [Down EXCEPT !.phase = "taking", !.as = epoch[r] + 1, !.head = frame[r]]]
  /\ UNCHANGED <<frame, rows, mail, input, ledger, done, clients, faults>>

Open(n, r) ==
  /\ mem[r][n].phase = "taking"
  /\ mem' = [mem EXCEPT ![r][n] = [@ EXCEPT !.phase = "open", !.here = rows[r], !.queue = input[r]]]
  /\ UNCHANGED <<store, clients, faults>>

-----------------------------------------------------------------------------
PlayerStep(p, n, r) ==
  \/ Enter(p, n, r)
  \/ \E kind \in Kinds : SendInput(p, n, r, kind)
  \/ \E s \in 1..SeqMax : Resend(p, s, n, r)
RegionStep(n, r) ==
  \/ MakeDurable(n, r) \/ StartFrame(n, r) \/ CommitFrame(n, r) \/ CommitInVain(n, r) \/ LookUp(n, r)
  \/ FinishFrame(n, r) \/ Crash(n, r) \/ TakeOver(n, r) \/ Open(n, r)
Next ==
  \/ \E p \in Players : Leave(p)
  \/ \E n \in Nodes, r \in Regions : RegionStep(n, r) \/ \E p \in Players : PlayerStep(p, n, r)

\* What is able to go on does; a region without an owner finds one; players who are not answered come back
\* and send again. Faults come to an end (FaultsMax), so weak fairness is enough.
Fairness ==
  /\ \A r \in Regions : WF_vars(Orphaned(r) /\ \E n \in Nodes : TakeOver(n, r))
  /\ \A n \in Nodes, r \in Regions :
       /\ WF_vars(Open(n, r))
       /\ WF_vars(MakeDurable(n, r) /\ mem' # mem)
       /\ WF_vars(StartFrame(n, r))
       /\ WF_vars(CommitFrame(n, r))
       /\ WF_vars(LookUp(n, r))
       /\ WF_vars(FinishFrame(n, r))
  /\ \A p \in Players :
       /\ WF_vars(\E n \in Nodes, r \in Regions : Enter(p, n, r))
       /\ \A s \in 1..SeqMax : WF_vars(\E n \in Nodes, r \in Regions : Resend(p, s, n, r))

Spec == Init /\ [][Next]_vars
FairSpec == Spec /\ Fairness

-----------------------------------------------------------------------------
(* What must hold, whatever happens                                        *)

RowOK(row) == /\ row.items \in 0..(Cardinality(Players) + 1)
              /\ \A i \in DOMAIN row.out : row.out[i] \in Outcomes
RowsOK(some) == DOMAIN some \subseteq Entities /\ \A e \in DOMAIN some : RowOK(some[e])

TypeOK ==
  /\ epoch \in [Regions -> 1..(HandsMax + 1)]
  /\ writer \in [Regions -> 1..(HandsMax + 1)]
  /\ faults \in 0..FaultsMax
  /\ ledger \in 0..(Cardinality(Players) + 1)
  /\ input \in [Regions -> SUBSET Inputs]
  /\ sess \in [Players -> (Nodes \X Regions) \cup {None}]
  /\ accepted \in [Players -> SUBSET (1..SeqMax)]
  /\ answers \in [Players -> [1..SeqMax -> Outcomes \cup {None}]]
  /\ \A r \in Regions :
       /\ frame[r] \in Nat /\ RowsOK(rows[r])
       /\ RowsOK(mail[r].bodies) /\ DOMAIN mail[r].bodies \subseteq Players /\ mail[r].inputs \subseteq Inputs
       /\ \A n \in Nodes :
            /\ mem[r][n].phase \in {"down", "taking", "open"}
            /\ RowsOK(mem[r][n].here)
            /\ mem[r][n].arrived \subseteq Inputs /\ mem[r][n].queue \subseteq Inputs
  /\ \A p \in Players : act[p] \in UNION {[1..i -> Kinds] : i \in 0..SeqMax}

\* Where a body is, durably: rows of all places that hold it.
Places(e) == {<<"in", r>> : r \in {q \in Regions : e \in DOMAIN rows[q]}} \cup
             {<<"to", r>> : r \in {q \in Regions : e \in DOMAIN mail[q].bodies}}
RowAt(e, place) == IF place[1] = "in" THEN rows[place[2]][e] ELSE mail[place[2]].bodies[e]

RECURSIVE Sum(_)
Sum(pairs) == IF pairs = {} THEN 0
              ELSE LET one == CHOOSE x \in pairs : TRUE
                   IN RowAt(one[1], one[2]).items + Sum(pairs \ {one})

\* P4: what players carry, wherever they are, is what the ledger says.
Conservation == Sum({<<p, place>> \in Players \X ({"in", "to"} \X Regions) : place \in Places(p)}) = ledger

\* P6: every entity is in one place: a region, or the mail. The wall may not have been built.
OnePlace == /\ \A e \in Players \cup {Tree} : Cardinality(Places(e)) = 1
            /\ Cardinality(Places(Wall)) <= 1

\* P3: no action takes effect twice, and what was told of it is what is remembered.
ExactlyOnce ==
  \A p \in Players, s \in 1..SeqMax :
    /\ done[p][s] <= 1
    /\ \A place \in Places(p) : (done[p][s] = 1) = (s <= Len(RowAt(p, place).out))

\* P1, P2: whatever anybody was told or shown is in the store.
DurableBeforeShown ==
  /\ \A p \in Players, s \in 1..SeqMax :
       /\ answers[p][s] # None =>
            \E place \in Places(p) : s <= Len(RowAt(p, place).out) /\ RowAt(p, place).out[s] = answers[p][s]
       /\ s \in accepted[p] =>
            \/ \E place \in Places(p) : s <= Len(RowAt(p, place).out)
            \/ \E r \in Regions : <<p, s>> \in input[r] \cup mail[r].inputs
  /\ \A r \in Regions : /\ shown[r].no <= frame[r]
                        /\ shown[r].no = frame[r] => shown[r].here = rows[r]

\* P5: who wrote last is who owns the region.
OneOwner == \A r \in Regions :
  /\ writer[r] = epoch[r]
  /\ Cardinality({n \in Nodes : Owns(n, r)}) <= 1

\* An accepted action is answered; so is one that was only sent.
AcceptedIsAnswered == \A p \in Players, s \in 1..SeqMax : s \in accepted[p] ~> answers[p][s] # None
SentIsAnswered == \A p \in Players, s \in 1..SeqMax : s <= Len(act[p]) ~> answers[p][s] # None

Symmetry == Permutations(Players) \cup Permutations(Nodes)
=============================================================================
