#include "region/steps.h"

#include <array>
#include <charconv>

namespace everframe::region {

namespace {

using Kind = Step::Kind;

struct Form {
  std::string_view name;
  bool epoch;
  bool frame;
  bool reasons;  // of its actions
};
constexpr std::array<Form, 12> FORMS{{{"take_over", true, true, false},
                                      {"open", true, false, false},
                                      {"enter", true, false, false},
                                      {"arrive", true, false, false},
                                      {"durable", true, false, false},
                                      {"accepted", false, false, false},
                                      {"start_frame", true, true, false},
                                      {"finish_frame", true, true, true},
                                      {"show", false, true, false},
                                      {"answered", false, true, true},
                                      {"say_accepted", false, false, false},
                                      {"say_answer", false, true, true}}};

const Form& form_of(Kind kind) {
  return FORMS[static_cast<std::size_t>(kind)];
}

// Reads what write_step writes, and nothing else.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  template <class T>
  bool number(T& out) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }
  template <class Id>
  bool id(Id& out) {
    std::uint64_t value = 0;
    if (!number(value)) return false;
    out = Id{value};
    return true;
  }
  std::string_view word() {
    const std::string_view out = rest_.substr(0, rest_.find('"'));
    rest_.remove_prefix(out.size());
    return out;
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

bool read_actions(Reader& in, bool reasons, std::vector<StepAction>& out) {
  if (in.take("]")) return true;
  do {
    StepAction action;
    const bool read = in.take("[") && in.id(action.player) && in.take(",") && in.id(action.seq) &&
                      (!reasons || (in.take(",") && in.number(action.reason))) && in.take("]");
    if (!read) return false;
    out.push_back(action);
  } while (in.take(","));
  return in.take("]");
}

}  // namespace

std::string write_step(const Step& step) {
  const Form& form = form_of(step.kind);
  std::string out = fmt::format(R"({{"step":"{}","region":{})", form.name, raw(step.region));
  const auto to = std::back_inserter(out);
  if (form.epoch) fmt::format_to(to, R"(,"epoch":{})", step.epoch);
  if (form.frame) fmt::format_to(to, R"(,"frame":{})", raw(step.frame));
  out += R"(,"actions":[)";
  for (const StepAction& action : step.actions) {
    if (out.back() == ']') out += ',';
    fmt::format_to(to, "[{},{}", raw(action.player), raw(action.seq));
    if (form.reasons) fmt::format_to(to, ",{}", action.reason);
    out += ']';
  }
  return out + "]}";
}

Result<Step> read_step(std::string_view line) {
  Reader in(line);
  Step step;
  const bool named = in.take(R"({"step":")");
  const std::string_view name = in.word();
  std::size_t kind = 0;
  while (kind < FORMS.size() && FORMS[kind].name != name) ++kind;
  if (!named || kind == FORMS.size()) return fail("not a step: {}", line);
  step.kind = static_cast<Kind>(kind);
  const Form& form = FORMS[kind];
  const bool read = in.take(R"(","region":)") && in.id(step.region) &&
                    (!form.epoch || (in.take(R"(,"epoch":)") && in.number(step.epoch))) &&
                    (!form.frame || (in.take(R"(,"frame":)") && in.id(step.frame))) &&
                    in.take(R"(,"actions":[)") && read_actions(in, form.reasons, step.actions) &&
                    in.take("}") && in.done();
  if (!read) return fail("not a {} step: {}", form.name, line);
  return step;
}

std::optional<Step> step_of(PlayerId player, const wire::ServerEvent& event) {
  Step step;
  if (const auto* accepted = std::get_if<wire::Accepted>(&event)) {
    step.kind = Kind::ACCEPTED;
    step.actions = {{player, accepted->seq}};
    return step;
  }
  step.kind = Kind::ANSWERED;
  if (const auto* applied = std::get_if<wire::Applied>(&event)) {
    step.frame = applied->frame;
    step.actions = {{player, applied->seq}};
    return step;
  }
  const auto* refused = std::get_if<wire::Refused>(&event);
  if (refused == nullptr || raw(refused->frame) == 0) return std::nullopt;
  step.frame = refused->frame;
  step.actions = {{player, refused->seq, refused->reason}};
  return step;
}

void StepLines::take(const Step& step) {
  const std::string line = write_step(step) + "\n";
  const std::lock_guard lock(mutex_);
  if (silent_) return;
  if (line.size() > bytes_left_) {
    silent_ = true;
    return write_(std::string(STEPS_END) + "\n");
  }
  bytes_left_ -= line.size();
  write_(line);
}

}  // namespace everframe::region
