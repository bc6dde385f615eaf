// Planted bugs: for the negative controls of tests/sim. Where EVERFRAME_PLANTED is defined, a few places ask
// whether they are to go wrong in the way that is named there; everywhere else the question is `false`, and
// nothing of it is compiled. Threads: set while nothing runs.
#pragma once

namespace everframe {

enum class Planted {
  NOTHING,
  DUPE,                 // picking up leaves the pile where it is
  LOST_COMMIT,          // now and then a frame is shown that was never written
  SHOWN_EARLY,          // a frame is shown before its commit
  STALE_OWNER,          // neither transaction looks at the owner's epoch
  SWALLOWED_RESEND,     // an action that comes again and was answered already gets no answer
  SECOND_EFFECT,        // an action that comes again is queued again, and has another effect
  SKIPPED_CHANGE,       // now and then a watcher is not told of a chunk's change
  SPOKE_AFTER_GOODBYE,  // a session goes on telling after its goodbye
  OTHER_DICE,           // a frame is applied with another seed than its record says
  FORGOTTEN_LEDGER,     // now and then a frame's ledger entries are not written
  NO_SYNC,              // the commit log is written and never synced
  BLIND_RESOLVER,       // the engine lets conflicting transactions through
};

#ifdef EVERFRAME_PLANTED
inline Planted planted = Planted::NOTHING;
inline bool is_planted(Planted bug) {
  return planted == bug;
}
#else
constexpr bool is_planted(Planted) {
  return false;
}
#endif

}  // namespace everframe
