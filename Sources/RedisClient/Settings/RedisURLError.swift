/// Why a Redis URL cannot be used, and how to mend it. It quotes nothing of the URL: any part of a malformed one may be the password's.
public enum RedisURLError: Error, Equatable, Sendable, CustomStringConvertible {
  /// It has no scheme or one that is not known.
  case scheme
  /// A host is missing or has characters that no host has.
  case host
  /// A port is not a number from 1 to 65535.
  case port
  /// What stands behind the host is not a database's number.
  case database
  /// A cluster's URL names a database.
  case clusterDatabase
  /// A sentinel's URL does not name the master.
  case masterName
  /// Several hosts where one is expected.
  case severalHosts
  /// A percent sign without two hexadecimal digits, or bytes that are not UTF-8.
  case percentEncoding
  /// It has a query or a fragment.
  case query

  /// What is wrong and what to write.
  public var description: String {
    switch self {
    case .scheme:
      "the Redis URL must begin with redis:// or rediss:// (TLS), or with redis+cluster://, rediss+cluster://, "
        + "redis+sentinel:// or rediss+sentinel://"
    case .host:
      "the Redis URL names no valid host: write redis://host:6379, an IPv6 address in brackets; "
        + Self.encodingHint
    case .port: "a port of the Redis URL is not a number from 1 to 65535; " + Self.encodingHint
    case .database:
      "behind the host a Redis URL has nothing, or the number of a database from 0 to 65535: redis://host:6379/2; "
        + Self.encodingHint
    case .clusterDatabase: "a Redis Cluster has database 0 alone: leave the path out of the Redis URL"
    case .masterName:
      "a sentinel's URL names the master behind the hosts: redis+sentinel://host1:26379,host2:26379/mymaster, and "
        + "the database, if any, behind that: /mymaster/2"
    case .severalHosts:
      "several hosts need redis+cluster:// or redis+sentinel://; redis:// and rediss:// take one"
    case .percentEncoding: "a percent sign in the Redis URL must be followed by two hexadecimal digits; " + encodingHint
    case .query: "the Redis URL takes no ? and no #; " + Self.encodingHint
    }
  }

  private var encodingHint: String { Self.encodingHint }
  private static let encodingHint =
    "if the user or the password has one of : / @ ? # % in it, write it percent-encoded (%3A %2F %40 %3F %23 %25)"
}
