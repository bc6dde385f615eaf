// DIRECTORY_ instructions, from bindings/bindingtester/spec/directoryLayerTester.md. What a directory of a
// binding with objects does by itself, the machine does here: it remembers in which directory layer a
// directory lies, for a partition's goes on wherever the partition is moved.
#include <stdexcept>

#include "base/random.h"
#include "machine.h"

namespace everframe::stack {

using store::ByteString;
using store::Directory;
using store::DirectoryPath;
using store::Element;
using store::Integer;
using store::Subspace;
using store::Transaction;
using store::Tuple;

namespace {

// Those that append to the directory list, also when they fail.
bool makes_a_place(std::string_view op) {
  for (const std::string_view one : {"CREATE_SUBSPACE", "CREATE_LAYER", "CREATE_OR_OPEN", "CREATE", "OPEN",
                                     "MOVE", "MOVE_TO", "OPEN_SUBSPACE"}) {
    if (op == one) return true;
  }
  return false;
}

bool has_incomplete(const Tuple& tuple) {
  for (const Element& element : tuple) {
    if (const auto* stamp = std::get_if<store::Versionstamp>(&element); stamp && !stamp->is_complete())
      return true;
    if (const auto* nested = std::get_if<Tuple>(&element); nested && has_incomplete(*nested)) return true;
  }
  return false;
}

std::string pack_in(const Subspace& subspace, const Tuple& tuple) {
  if (has_incomplete(tuple)) throw std::runtime_error("an incomplete versionstamp in a key");
  return subspace.pack(tuple);
}

Tuple tuple_of(const std::vector<std::string>& names) {
  return Tuple(names.begin(), names.end());
}

[[noreturn]] void not_here() {
  throw std::runtime_error("that cannot be done with what is at this place of the directory list");
}
const Subspace& contents_of(const std::optional<Subspace>& contents) {
  if (!contents) not_here();
  return *contents;
}

}  // namespace

Machine::Machine(Run& run, std::string prefix)
    : run_(run), prefix_(std::move(prefix)), transaction_(prefix_) {
  Place root;
  root.level = new_level({}, {});
  root.path = DirectoryPath();
  places_.push_back(std::move(root));
}

std::shared_ptr<Machine::Level> Machine::new_level(store::DirectoryOptions options, DirectoryPath base) {
  static std::uint64_t seed = 0;  // each chooses its prefixes otherwise
  return std::make_shared<Level>(++seed, std::move(options), std::move(base));
}

// Of a directory that `level` gave.
Machine::Place Machine::place_of(const Directory& directory, const std::shared_ptr<Level>& level) {
  Place out;
  DirectoryPath path = level->base;
  path.insert(path.end(), directory.path().begin(), directory.path().end());
  out.level = level;
  if (directory.level_depth() > 0) {
    const auto length = static_cast<std::ptrdiff_t>(level->base.size() + directory.level_depth());
    out.level = new_level(directory.level(), DirectoryPath(path.begin(), path.begin() + length));
  }
  out.layer = directory.layer();
  if (directory.is_partition()) {
    const std::string& prefix = directory.prefix();
    out.parent = out.level;
    out.level = new_level({Subspace(prefix + '\xfe'), Subspace(prefix), false}, path);
  } else {
    out.contents = directory.contents();
  }
  out.path = std::move(path);
  return out;
}

DirectoryPath Machine::beneath(const Place& place, const Level& level, const DirectoryPath& path) {
  DirectoryPath out(place.path->begin() + static_cast<std::ptrdiff_t>(level.base.size()), place.path->end());
  out.insert(out.end(), path.begin(), path.end());
  return out;
}

DirectoryPath Machine::pop_path() {
  DirectoryPath path;
  for (Element& name : pop_tuple()) path.push_back(std::get<std::string>(std::move(name)));
  return path;
}
DirectoryPath Machine::pop_path_if_any() {
  return pop_int() == 0 ? DirectoryPath() : pop_path();
}

template <class T>
Task<T> Machine::in_directories(const Instruction& instruction, Body<T> body) {
  auto done = co_await on<T>(instruction.on_database, std::move(body));
  if (!done) throw std::runtime_error(done.error().text);
  co_return std::move(*done);
}

Task<bool> Machine::execute_directory(const Instruction& whole) {
  Instruction instruction = whole;
  instruction.op.erase(0, std::string_view("DIRECTORY_").size());
  const std::string& op = instruction.op;
  co_await settle(stack_.size());
  if (op == "CHANGE") {
    place_ = static_cast<std::size_t>(pop_int());
    if (place_ >= places_.size()) refuse("the directory list is shorter");
    if (!places_[place_]) place_ = error_place_;
    co_return true;
  }
  if (op == "SET_ERROR_INDEX") {
    error_place_ = static_cast<std::size_t>(pop_int());
    co_return true;
  }
  if (!places_.at(place_)) refuse("there is nothing at this place of the directory list");
  const Place here = *places_[place_];
  const std::size_t count = places_.size();
  try {
    if (!work_on_subspace(op, here)) co_await work_on_directory(instruction, here);
  } catch (const std::logic_error&) {
    throw;  // a bug of ours
  } catch (const std::exception&) {
    places_.resize(count);
    if (makes_a_place(op)) places_.emplace_back();
    push_bytes("DIRECTORY_ERROR");
  }
  co_return true;
}

bool Machine::work_on_subspace(const std::string& op, const Place& here) {
  const auto add = [this](Subspace subspace) {
    Place place;
    place.contents = std::move(subspace);
    places_.push_back(std::move(place));
  };
  if (op == "CREATE_SUBSPACE") {
    const Tuple path = pop_tuple();
    add(Subspace(pack_in(Subspace(pop_bytes()), path)));
  } else if (op == "CREATE_LAYER") {
    const auto nodes = static_cast<std::size_t>(pop_int());
    const auto contents = static_cast<std::size_t>(pop_int());
    const bool manual = pop_int() == 1;
    if (!places_.at(nodes) || !places_.at(contents)) {
      places_.emplace_back();
      return true;
    }
    Place place;
    place.level = new_level(
        {contents_of(places_[nodes]->contents), contents_of(places_[contents]->contents), manual}, {});
    place.path = DirectoryPath();
    places_.push_back(std::move(place));
  } else if (op == "OPEN_SUBSPACE") {
    const Tuple tuple = pop_tuple();
    add(Subspace(pack_in(contents_of(here.contents), tuple)));
  } else if (op == "PACK_KEY") {
    const Tuple tuple = pop_tuple();
    push_bytes(pack_in(contents_of(here.contents), tuple));
  } else if (op == "UNPACK_KEY") {
    const auto tuple = contents_of(here.contents).unpack(pop_bytes());
    if (!tuple) throw std::runtime_error(tuple.error().text);
    for (const Element& element : *tuple) push(element);
  } else if (op == "RANGE") {
    const Tuple tuple = pop_tuple();
    store::KeyRange range = store::range_of(pack_in(contents_of(here.contents), tuple));
    push_bytes(std::move(range.begin));
    push_bytes(std::move(range.end));
  } else if (op == "CONTAINS") {
    const std::string key = pop_bytes();
    push(Integer(contents_of(here.contents).contains(key) ? 1 : 0));
  } else if (op == "STRIP_PREFIX") {
    const std::string key = pop_bytes();
    const std::string& prefix = contents_of(here.contents).key();
    if (!key.starts_with(prefix)) throw std::runtime_error("the key lies elsewhere");
    push_bytes(key.substr(prefix.size()));
  } else if (op == "LOG_SUBSPACE") {
    const std::string prefix = pop_bytes();
    const std::string key = std::move(store::TuplePacker(prefix).integer(Integer(place_))).key();
    transaction().set(key, contents_of(here.contents).key());
  } else {
    return false;
  }
  return true;
}

Task<> Machine::work_on_directory(const Instruction& instruction, const Place& here) {
  if (!here.level) not_here();
  if (instruction.op == "LOG_DIRECTORY") {
    co_await log_directory(here);
  } else if (makes_a_place(instruction.op)) {
    std::shared_ptr<Level> level = here.level;
    const Directory made = co_await make_directory(instruction, here, level);
    places_.push_back(place_of(made, level));
  } else {
    co_await tell_directory(instruction, here);
  }
}

// `level`: in which it works; set to another where that is so.
Task<Directory> Machine::make_directory(const Instruction& instruction, const Place& here,
                                        std::shared_ptr<Level>& level) {
  const std::string& op = instruction.op;
  Body<Directory> body;
  if (op == "MOVE") {
    const DirectoryPath from = beneath(here, *level, pop_path());
    const DirectoryPath to = beneath(here, *level, pop_path());
    body = [from, to, level](Transaction& t) { return level->directories.move(t, from, to); };
  } else if (op == "MOVE_TO") {
    const DirectoryPath absolute = pop_path();
    if (here.parent) level = here.parent;
    if (!here.contents && !here.parent) throw std::runtime_error("a directory layer cannot be moved");
    const std::size_t depth = level->base.size();
    if (absolute.size() < depth || !std::equal(level->base.begin(), level->base.end(), absolute.begin())) {
      throw std::runtime_error("it cannot be moved between partitions");
    }
    const DirectoryPath from = beneath(here, *level, {});
    const DirectoryPath to(absolute.begin() + static_cast<std::ptrdiff_t>(depth), absolute.end());
    body = [from, to, level](Transaction& t) { return level->directories.move(t, from, to); };
  } else {
    const DirectoryPath path = beneath(here, *level, pop_path());
    const auto bytes_if_any = [this]() -> std::optional<std::string> {
      Element value = pop();
      if (std::holds_alternative<store::Null>(value)) return std::nullopt;
      return std::get<ByteString>(std::move(value)).bytes;
    };
    const std::string layer = bytes_if_any().value_or("");
    if (op == "CREATE") {
      const auto prefix = bytes_if_any();
      body = [=](Transaction& t) { return level->directories.create(t, path, layer, prefix); };
    } else if (op == "OPEN") {
      body = [=](Transaction& t) { return level->directories.open(t, path, layer); };
    } else {
      body = [=](Transaction& t) { return level->directories.create_or_open(t, path, layer); };
    }
  }
  co_return co_await in_directories<Directory>(instruction, std::move(body));
}

Task<> Machine::tell_directory(const Instruction& instruction, const Place& here) {
  const std::string& op = instruction.op;
  if (op == "LIST") {
    const DirectoryPath path = pop_path_if_any();
    const auto names = co_await directory_names(instruction, here, path);
    push_bytes(store::pack(tuple_of(names)));
    co_return;
  }
  if (op == "EXISTS") {
    const DirectoryPath path = pop_path_if_any();
    const bool exists = co_await directory_exists(instruction, here, path);
    push(Integer(exists ? 1 : 0));
    co_return;
  }
  if (op != "REMOVE" && op != "REMOVE_IF_EXISTS") refuse("unknown: DIRECTORY_" + op);
  const DirectoryPath path = pop_path_if_any();
  const auto level = path.empty() && here.parent ? here.parent : here.level;
  const DirectoryPath whole = beneath(here, *level, path);
  const bool must_be = op == "REMOVE";
  Body<bool> body = [=](Transaction& t) -> Task<Result<bool>> {
    const auto removed = co_await level->directories.remove_if_exists(t, whole);
    if (removed && !*removed && must_be) co_return fail("there is none");
    co_return removed;
  };
  co_await in_directories<bool>(instruction, std::move(body));
}

Task<bool> Machine::directory_exists(const Instruction& instruction, const Place& here, DirectoryPath path) {
  const auto level = path.empty() && here.parent ? here.parent : here.level;
  const DirectoryPath whole = beneath(here, *level, path);
  Body<bool> body = [=](Transaction& t) { return level->directories.exists(t, whole); };
  co_return co_await in_directories<bool>(instruction, std::move(body));
}
Task<std::vector<std::string>> Machine::directory_names(const Instruction& instruction, const Place& here,
                                                        DirectoryPath path) {
  const auto level = here.level;
  const DirectoryPath whole = beneath(here, *level, path);
  Body<std::vector<std::string>> body = [=](Transaction& t) { return level->directories.list(t, whole); };
  co_return co_await in_directories<std::vector<std::string>>(instruction, std::move(body));
}

Task<> Machine::log_directory(const Place& here) {
  const Subspace log = Subspace(pop_bytes())[Integer(place_)];
  const Instruction in_transaction{};
  const DirectoryPath itself;
  const bool exists = co_await directory_exists(in_transaction, here, itself);
  std::vector<std::string> children;
  if (exists) children = co_await directory_names(in_transaction, here, itself);
  Transaction& t = transaction();
  const auto put = [&](const char* name, const Tuple& tuple) {
    t.set(log[std::string(name)].key(), store::pack(tuple));
  };
  put("path", tuple_of(*here.path));
  put("layer", {ByteString{here.layer}});
  put("exists", {Integer(exists ? 1 : 0)});
  put("children", tuple_of(children));
}

}  // namespace everframe::stack
