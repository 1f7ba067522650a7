import ChatProtocol
import Testing

@Suite("What an error document says")
struct ErrorBodyTests {
  private static func read(_ document: String) -> ErrorBody { ErrorBody(Array(document.utf8).span.bytes) }

  @Test("its words are found in every form that is documented")
  func words() {
    for document in [
      #"{"error":{"message":"it broke","type":"server_error","param":null,"code":null}}"#, #"{"error":"it broke"}"#,
      #"{"message":"it broke","code":"InternalError","request_id":"1"}"#, #"{"detail":"it broke"}"#,
      #"{"detail":[{"loc":["body"],"msg":"it broke","type":"missing"}]}"#, #"{"detail":{"message":"it broke"}}"#,
      #"{"type":"error","error":{"type":"api_error","message":"it broke"},"request_id":"r"}"#,
      #"{"error":{"code":500,"message":"it broke","status":"INTERNAL"}}"#, #"[{"error":{"message":"it broke"}}]"#,
      #"{"object":"error","message":"it broke","type":"BadRequestError","code":400}"#, #""it broke""#,
      #"{"success":false,"errors":[{"code":7000,"message":"it broke"}]}"#,
      #"{"error_code":336,"error_msg":"it broke"}"#,
      #"{"base_resp":{"status_code":1000,"status_msg":"it broke"}}"#, #"{"message":"it broke"}"#,
      #"{"type":"response.failed","response":{"error":{"code":"server_error","message":"it broke"}}}"#,
      #"{"error":{"message":null},"message":"it broke"}"#, "\u{FEFF}{\"error\":{\"message\":\"it broke\"}}",
      #"{"error":{"message":"it broke"},"message":"beside it"}"#, #"{"error":{"message":"it\u0020broke","x":"#,
    ] { #expect(Self.read(document).message == "it broke" && Self.read(document).kind == .other, "\(document)") }
    for document in ["", "null", "7", "{}", "[]", "<html>", #"{"error":null}"#, #"{"error":{"message":""}}"#] {
      #expect(Self.read(document).message == nil && Self.read(document).kind == .other)
    }
  }

  @Test("its words are bounded, and cut between two letters")
  func bounds() {
    for lead in 0..<8 {
      for letter in ["a", "é", "好", "😀", #"\u597d"#, #"\ud83d\ude00"#, #"\n"#] {
        let text = String(repeating: "x", count: lead) + String(repeating: letter, count: 600)
        let message = Self.read(#"{"error":{"message":"\#(text)"}}"#).message ?? ""
        #expect(message.utf8.count <= ErrorBody.messageBytesMax && message.utf8.count > ErrorBody.messageBytesMax - 4)
        #expect(!message.contains("\u{FFFD}"))
      }
    }
    let fits = String(repeating: "é", count: 256)
    #expect(Self.read(#"{"error":"\#(fits)"}"#).message == fits)
  }

  @Test("what the prompt's length, its contents, the account, the pace or the model's name did is told apart")
  func kinds() {
    for (document, kind) in [
      (#"{"error":{"type":"invalid_request_error","code":"context_length_exceeded"}}"#, ErrorKind.contextLength),
      (
        #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}"#,
        .contextLength
      ),
      (#"{"message":"Input is too long for requested model."}"#, .contextLength),
      (#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum"}}"#, .contextLength),
      (#"{"object":"error","message":"This model's maximum context length is 8 tokens","code":400}"#, .contextLength),
      (#"{"error":{"code":400,"type":"exceed_context_size_error"}}"#, .contextLength),
      (#"{"error":{"code":"1261","message":"x"}}"#, .contextLength),
      (#"{"error":{"code":"content_filter","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, .contentFilter),
      (#"{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, .contentFilter),
      (#"{"error":{"code":"content_policy_violation","type":"image_generation_user_error"}}"#, .contentFilter),
      (#"{"error":{"code":"data_inspection_failed"}}"#, .contentFilter),
      (#"{"code":"DataInspectionFailed"}"#, .contentFilter),
      (
        #"{"error":{"code":403,"message":"x","metadata":{"reasons":["violence"],"flagged_input":"x"}}}"#, .contentFilter
      ),
      (#"{"error":{"code":403,"metadata":{"error_type":"content_policy_violation","reasons":[]}}}"#, .contentFilter),
      (#"{"error":{"code":"SensitiveContentDetected.Violence"}}"#, .contentFilter),
      (#"{"base_resp":{"status_code":1026,"status_msg":"x"}}"#, .contentFilter),
      (#"{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}"#, .quota),
      (#"{"error":{"type":"rate_limit_error","code":"insufficient_quota"}}"#, .quota),
      (#"{"error":{"code":"billing_hard_limit_reached"}}"#, .quota), (#"{"code":"Arrearage","message":"x"}"#, .quota),
      (#"{"type":"error","error":{"type":"billing_error","message":"x"}}"#, .quota),
      (#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#, .quota),
      (#"{"error":{"code":402,"message":"x"}}"#, .quota), (#"{"error":{"code":"AccountOverdueError"}}"#, .quota),
      (#"{"error":{"type":"invalid_request_error","message":"Your credit balance is too low to"}}"#, .quota),
      (#"{"error":{"type":"tokens","code":"rate_limit_exceeded"}}"#, .rateLimited),
      (#"{"error":{"type":"rate_limit_error"}}"#, .rateLimited), (#"{"code":"Throttling.RateQuota"}"#, .rateLimited),
      (#"{"__type":"ThrottlingException","message":"x"}"#, .rateLimited), (#"{"error":{"code":429}}"#, .rateLimited),
      (
        #"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED"}}"#,
        .rateLimited
      ),
      (#"{"error":{"code":"ModelAccountTpmRateLimitExceeded"}}"#, .rateLimited),
      (#"{"error":{"code":"model_not_found"}}"#, .modelNotFound),
      (#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-0"}}"#, .modelNotFound),
      (#"{"error":"model \"x\" not found, try pulling it first"}"#, .modelNotFound),
      (
        #"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","code":404}"#,
        .modelNotFound
      ),
      (#"{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}"#, .modelNotFound),
      (#"{"error":{"code":"DeploymentNotFound"}}"#, .modelNotFound),
      (#"{"error":{"code":404,"message":"page not found"}}"#, .other), (#"{"error":"x","code":"model"}"#, .other),
      (#"{"error":{"type":"overloaded_error","message":"Overloaded"}}"#, .other),
      (#"{"error":{"code":"invalid_api_key","message":"Incorrect API key provided"}}"#, .other),
      (#"{"context_length_exceeded":1,"x":{"code":"insufficient_quota"}}"#, .other),
    ] { #expect(Self.read(document).kind == kind, "\(document)") }
  }

  @Test("cut anywhere, it never traps, and tells what it has")
  func cuts() {
    let bytes = Array(
      #"[{"error":{"code":"1261","message":"zu lang: é\ud83d\ude00","metadata":{"reasons":["x"]}}}]"#.utf8)
    for length in 0...bytes.count {
      let body = ErrorBody(Array(bytes[..<length]).span.bytes)
      #expect(body.message == nil || body.message == "zu lang: é😀")
    }
    #expect(ErrorBody(Array(bytes.dropLast(3)).span.bytes).kind == .contentFilter)
  }
}
