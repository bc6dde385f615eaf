#include "store/directory_level.h"

#include "base/codec.h"

namespace everframe::store {

namespace {

// Persistent.
constexpr std::uint32_t VERSION_MAJOR = 1;
constexpr std::uint32_t VERSION_MINOR = 0;
constexpr std::uint32_t VERSION_PATCH = 0;
constexpr int SUBDIRECTORIES = 0;

Element bytes(std::string_view text) {
  return ByteString{std::string(text)};
}

std::string text_of(const DirectoryPath& path) {
  return fmt::format("/{}", fmt::join(path, "/"));
}

}  // namespace

DirectoryLevel::DirectoryLevel(DirectoryPath base, DirectoryOptions options, Prng& prng)
    : base_(std::move(base)),
      nodes_(std::move(options.nodes)),
      contents_(std::move(options.contents)),
      manual_prefixes_(options.manual_prefixes),
      root_(node_at(nodes_.key())),
      prng_(prng),
      allocator_(root_[bytes("hca")], prng_) {}

Subspace DirectoryLevel::node_at(std::string_view prefix) const {
  return nodes_[bytes(prefix)];
}

bool DirectoryLevel::Node::leads_into_partition(const DirectoryPath& path) const {
  return exists() && layer == PARTITION_LAYER && path.size() > depth;
}

Directory DirectoryLevel::directory(const DirectoryPath& path, std::string prefix, std::string layer) const {
  DirectoryPath absolute = base_;
  absolute.insert(absolute.end(), path.begin(), path.end());
  return Directory(std::move(absolute), std::move(prefix), std::move(layer),
                   {nodes_, contents_, manual_prefixes_}, base_.size());
}

DirectoryLevel DirectoryLevel::partition(const DirectoryPath& path, const Node& node) const {
  DirectoryPath base = base_;
  base.insert(base.end(), path.begin(), path.begin() + static_cast<std::ptrdiff_t>(node.depth));
  const std::string& prefix = *node.prefix;
  return DirectoryLevel(std::move(base), {Subspace(prefix + '\xfe'), Subspace(prefix), false}, prng_);
}

Task<Result<void>> DirectoryLevel::check_version(Transaction& t, bool for_writing) const {
  const std::string key = root_[bytes("version")].key();
  const auto value = co_await t.get(key);
  if (!value) co_return tl::unexpected<Error>(value.error());
  if (!*value) {
    if (!for_writing) co_return Result<void>{};
    Bytes version;
    ByteWriter out(version);
    for (const auto part : {VERSION_MAJOR, VERSION_MINOR, VERSION_PATCH}) out.u32(part);
    t.set(key, chars_of(version));
    co_return Result<void>{};
  }
  ByteReader in(bytes_of(**value));
  const std::uint32_t major = in.u32();
  const std::uint32_t minor = in.u32();
  in.u32();
  if (!in.done()) co_return fail("the directory's version is damaged: {} bytes", (*value)->size());
  if (major > VERSION_MAJOR || (for_writing && minor > VERSION_MINOR)) {
    co_return fail("the directory has version {}.{}, this program {} {}.{}", major, minor,
                   for_writing ? "writes" : "reads", VERSION_MAJOR, VERSION_MINOR);
  }
  co_return Result<void>{};
}

Task<Result<DirectoryLevel::Node>> DirectoryLevel::find(Transaction& t, DirectoryPath path) const {
  Node node{nodes_.key(), 0, {}};
  for (const std::string& name : path) {
    const std::string entry = node_at(*node.prefix)[Integer(SUBDIRECTORIES)][name].key();
    auto prefix = co_await t.get(entry);
    if (!prefix) co_return tl::unexpected<Error>(prefix.error());
    node.prefix = std::move(*prefix);
    node.layer.clear();
    ++node.depth;
    if (!node.exists()) co_return node;
    const std::string layer_key = node_at(*node.prefix)[bytes("layer")].key();
    auto layer = co_await t.get(layer_key);
    if (!layer) co_return tl::unexpected<Error>(layer.error());
    node.layer = layer->value_or("");
    if (node.layer == PARTITION_LAYER) co_return node;
  }
  co_return node;
}

Task<Result<std::vector<DirectoryLevel::Child>>> DirectoryLevel::children(Transaction& t,
                                                                          std::string prefix) const {
  const Subspace entries = node_at(prefix)[Integer(SUBDIRECTORIES)];
  const auto rows = co_await t.get_range(entries.range());
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  std::vector<Child> out;
  for (const KeyValue& row : *rows) {
    const auto name = entries.unpack(row.key);
    if (!name) co_return tl::unexpected<Error>(name.error());
    const auto* text = name->size() == 1 ? std::get_if<std::string>(&name->front()) : nullptr;
    if (text == nullptr) co_return fail("a directory is damaged: {} is no name", to_text(*name));
    out.push_back({*text, std::string(row.value)});
  }
  co_return out;
}

// A prefix that neither contains a directory's prefix nor lies in one, nor among the nodes.
Task<Result<bool>> DirectoryLevel::is_prefix_free(Transaction& t, std::string prefix, bool snapshot) const {
  if (prefix.empty() || prefix.starts_with(nodes_.key())) co_return false;
  const RangeOptions last{1, true, snapshot};
  const KeyRange before{nodes_.range().begin, node_at(prefix).key() + '\0'};
  const auto rows = co_await t.get_range(before, last);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  if (!rows->empty()) {
    const auto tuple = nodes_.unpack(rows->front().key);
    if (!tuple) co_return tl::unexpected<Error>(tuple.error());
    const auto* holder = tuple->empty() ? nullptr : std::get_if<ByteString>(&tuple->front());
    if (holder == nullptr) co_return fail("a directory is damaged: {} is no node", to_text(*tuple));
    if (prefix.starts_with(holder->bytes)) co_return false;
  }
  const RangeOptions first{1, false, snapshot};
  const KeyRange within{node_at(prefix).key(), node_at(end_of_prefix(prefix)).key()};
  const auto inside = co_await t.get_range(within, first);
  if (!inside) co_return tl::unexpected<Error>(inside.error());
  co_return inside->empty();
}

Task<Result<std::string>> DirectoryLevel::new_prefix(Transaction& t) const {
  auto number = co_await allocator_.allocate(t);
  if (!number) co_return number;
  const std::string prefix = contents_.key() + *number;
  const RangeOptions first{1, false, false};
  const auto rows = co_await t.get_range(keys_starting_with(prefix), first);
  if (!rows) co_return tl::unexpected<Error>(rows.error());
  if (!rows->empty()) {
    co_return fail("there are keys already at the prefix {:02x} that the directory's allocator has chosen",
                   fmt::join(bytes_of(prefix), ""));
  }
  const auto free = co_await is_prefix_free(t, prefix, true);
  if (!free) co_return tl::unexpected<Error>(free.error());
  if (!*free) co_return fail("prefixes given by hand are in the way of the directory's allocator");
  co_return prefix;
}

Task<Result<Directory>> DirectoryLevel::create_or_open(Transaction& t, Request request) const {
  if (auto version = co_await check_version(t, false); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  if (request.prefix && !manual_prefixes_) {
    co_return base_.empty() ? fail("prefixes cannot be given by hand here: manual_prefixes is off")
                            : fail("prefixes cannot be given by hand in a partition");
  }
  if (request.path.empty()) co_return fail("the root directory cannot be opened");
  const auto node = co_await find(t, request.path);
  if (!node) co_return tl::unexpected<Error>(node.error());
  if (node->leads_into_partition(request.path)) {
    const DirectoryLevel inner = partition(request.path, *node);
    request.path.erase(request.path.begin(), request.path.begin() + static_cast<std::ptrdiff_t>(node->depth));
    co_return co_await inner.create_or_open(t, std::move(request));
  }
  if (node->exists()) {
    if (!request.may_open) co_return fail("the directory {} exists already", text_of(request.path));
    if (!request.layer.empty() && node->layer != request.layer) {
      co_return fail("the directory {} is of layer \"{}\", not \"{}\"", text_of(request.path), node->layer,
                     request.layer);
    }
    co_return directory(request.path, *node->prefix, node->layer);
  }
  if (!request.may_create) co_return fail("the directory {} does not exist", text_of(request.path));
  co_return co_await create(t, std::move(request));
}

Task<Result<Directory>> DirectoryLevel::create(Transaction& t, Request request) const {
  if (auto version = co_await check_version(t, true); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  if (request.prefix) {
    const auto free = co_await is_prefix_free(t, *request.prefix, false);
    if (!free) co_return tl::unexpected<Error>(free.error());
    if (!*free) co_return fail("the prefix given for {} is in use already", text_of(request.path));
  } else {
    auto prefix = co_await new_prefix(t);
    if (!prefix) co_return tl::unexpected<Error>(prefix.error());
    request.prefix = std::move(*prefix);
  }
  std::string parent = nodes_.key();
  if (request.path.size() > 1) {
    Request above;
    above.path.assign(request.path.begin(), request.path.end() - 1);
    const auto made = co_await create_or_open(t, std::move(above));
    if (!made) co_return made;
    parent = made->contents_.key();
  }
  t.set(node_at(parent)[Integer(SUBDIRECTORIES)][request.path.back()].key(), *request.prefix);
  t.set(node_at(*request.prefix)[bytes("layer")].key(), request.layer);
  t.bump_metadata_version();
  co_return directory(request.path, std::move(*request.prefix), std::move(request.layer));
}

Task<Result<Directory>> DirectoryLevel::move(Transaction& t, DirectoryPath from, DirectoryPath to) const {
  if (auto version = co_await check_version(t, true); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  if (from.size() <= to.size() && std::equal(from.begin(), from.end(), to.begin())) {
    co_return fail("the directory {} cannot be moved into itself", text_of(from));
  }
  const auto old_node = co_await find(t, from);
  if (!old_node) co_return tl::unexpected<Error>(old_node.error());
  const auto new_node = co_await find(t, to);
  if (!new_node) co_return tl::unexpected<Error>(new_node.error());
  if (!old_node->exists()) co_return fail("the directory {} does not exist", text_of(from));
  const bool old_inside = old_node->leads_into_partition(from);
  const bool new_inside = new_node->leads_into_partition(to);
  if (old_inside || new_inside) {
    if (!old_inside || !new_inside || old_node->prefix != new_node->prefix) {
      co_return fail("{} cannot be moved to {}: they lie in different partitions", text_of(from),
                     text_of(to));
    }
    const DirectoryLevel inner = partition(from, *old_node);
    const auto depth = static_cast<std::ptrdiff_t>(old_node->depth);
    from.erase(from.begin(), from.begin() + depth);
    to.erase(to.begin(), to.begin() + depth);
    co_return co_await inner.move(t, std::move(from), std::move(to));
  }
  if (new_node->exists()) co_return fail("the directory {} exists already; remove it first", text_of(to));
  const DirectoryPath to_parent(to.begin(), to.end() - 1);
  const DirectoryPath from_parent(from.begin(), from.end() - 1);
  const auto parent = co_await find(t, to_parent);
  if (!parent) co_return tl::unexpected<Error>(parent.error());
  if (!parent->exists())
    co_return fail("the directory {} does not exist; create it first", text_of(to_parent));
  const auto left = co_await find(t, from_parent);
  if (!left) co_return tl::unexpected<Error>(left.error());
  t.set(node_at(*parent->prefix)[Integer(SUBDIRECTORIES)][to.back()].key(), *old_node->prefix);
  t.clear(node_at(*left->prefix)[Integer(SUBDIRECTORIES)][from.back()].key());
  t.bump_metadata_version();
  co_return directory(to, *old_node->prefix, old_node->layer);
}

Task<Result<bool>> DirectoryLevel::remove(Transaction& t, DirectoryPath path) const {
  if (auto version = co_await check_version(t, true); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  if (path.empty()) co_return fail("the root directory cannot be removed");
  const auto node = co_await find(t, path);
  if (!node) co_return tl::unexpected<Error>(node.error());
  if (!node->exists()) co_return false;
  if (node->leads_into_partition(path)) {
    const DirectoryLevel inner = partition(path, *node);
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(node->depth));
    co_return co_await inner.remove(t, std::move(path));
  }
  if (auto removed = co_await remove_tree(t, *node->prefix); !removed) {
    co_return tl::unexpected<Error>(removed.error());
  }
  const DirectoryPath parent_path(path.begin(), path.end() - 1);
  const auto parent = co_await find(t, parent_path);
  if (!parent) co_return tl::unexpected<Error>(parent.error());
  t.clear(node_at(*parent->prefix)[Integer(SUBDIRECTORIES)][path.back()].key());
  t.bump_metadata_version();
  co_return true;
}

Task<Result<void>> DirectoryLevel::remove_tree(Transaction& t, std::string prefix) const {
  const auto below = co_await children(t, prefix);
  if (!below) co_return tl::unexpected<Error>(below.error());
  for (const Child& child : *below) {
    if (auto removed = co_await remove_tree(t, child.prefix); !removed) co_return removed;
  }
  t.clear(keys_starting_with(prefix));
  t.clear(node_at(prefix).range());
  co_return Result<void>{};
}

Task<Result<bool>> DirectoryLevel::exists(Transaction& t, DirectoryPath path) const {
  if (auto version = co_await check_version(t, false); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  const auto node = co_await find(t, path);
  if (!node) co_return tl::unexpected<Error>(node.error());
  if (!node->leads_into_partition(path)) co_return node->exists();
  const DirectoryLevel inner = partition(path, *node);
  path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(node->depth));
  co_return co_await inner.exists(t, std::move(path));
}

Task<Result<std::vector<std::string>>> DirectoryLevel::list(Transaction& t, DirectoryPath path) const {
  if (auto version = co_await check_version(t, false); !version) {
    co_return tl::unexpected<Error>(version.error());
  }
  const auto node = co_await find(t, path);
  if (!node) co_return tl::unexpected<Error>(node.error());
  if (!node->exists()) co_return fail("the directory {} does not exist", text_of(path));
  if (node->layer == PARTITION_LAYER) {
    const DirectoryLevel inner = partition(path, *node);
    path.erase(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(node->depth));
    co_return co_await inner.list(t, std::move(path));
  }
  const auto below = co_await children(t, *node->prefix);
  if (!below) co_return tl::unexpected<Error>(below.error());
  std::vector<std::string> names;
  for (const Child& child : *below) names.push_back(child.name);
  co_return names;
}

}  // namespace everframe::store
