package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hybrid-bts/functions/scripts/deploy"
)

// The three tables refer to each other by topic names. Each failure names the row that is missing and its file.

// topicExists reports whether topics.csv declares a topic.
func topicExists(name string) bool {
	return slices.ContainsFunc(deploy.Topics(), func(topic deploy.Topic) bool { return topic.Name == name })
}

func TestTopicsHaveDeadLetterTopics(t *testing.T) {
	for _, topic := range deploy.Topics() {
		push := topic.PushSubscription()
		if (push == "") != (topic.DeadLetterTopic == "") || topic.PullSubscriptions > 0 && topic.Function == "" {
			t.Errorf("topics.csv: the row of %s has a push subscription without a dead-letter topic, the reverse, or pull subscriptions without a function", topic.Name)
		}
		if push != "" && (!topicExists(topic.DeadLetterTopic) || !strings.HasSuffix(topic.DeadLetterTopic, "-dead")) {
			t.Errorf("topics.csv: add the topic %s, the dead-letter topic of %s; its name must end in -dead", topic.DeadLetterTopic, push)
		}
		if strings.HasSuffix(topic.Name, "-dead") && topic.Name != "alerts-dead" && topic.Function != "alert" {
			t.Errorf("topics.csv: the row of %s must name the function alert, so that operators see dead letters", topic.Name)
		}
	}
}

func TestTopicsNamedInOtherTablesExist(t *testing.T) {
	for _, s := range deploy.Services() {
		for _, v := range s.Variables {
			name, ours := strings.CutPrefix(v.Value, "{env}-hybridbts-")
			if ours && (strings.HasSuffix(v.Name, "_TOPIC") || strings.HasSuffix(v.Name, "_DEAD")) && !topicExists(name) {
				t.Errorf("topics.csv: add the topic %s, which services.csv gives to %s as %s", name, s.Function, v.Name)
			}
		}
	}
	for _, r := range deploy.Roles() {
		if (r.On == "topic" || r.On == "subscription") && !topicExists(r.Name) {
			t.Errorf("topics.csv: add the topic %s, on which roles.csv gives %s to %s", r.Name, r.Role, r.Account)
		}
	}
}

func TestFunctionsPublishToTheDeadLetterTopicOfTheirSubscription(t *testing.T) {
	deadLetters := map[string][]string{} // by function
	for _, topic := range deploy.Topics() {
		if topic.PushSubscription() != "" && !strings.HasSuffix(topic.Name, "-dead") {
			deadLetters[topic.Function] = append(deadLetters[topic.Function], topic.DeadLetterTopic)
		}
	}
	for _, s := range deploy.Services() {
		var named []string
		for _, v := range s.Variables {
			if v.Name == "DEAD_LETTER_TOPIC" || strings.HasSuffix(v.Name, "_DEAD_TOPIC") {
				named = append(named, strings.TrimPrefix(v.Value, "{env}-hybridbts-"))
			}
		}
		for _, want := range deadLetters[s.Function] {
			if !slices.Contains(named, want) && s.Function != "alert" { // its dead letters go to one topic
				t.Errorf("services.csv: %s has the dead-letter topics %q, topics.csv has %q", s.Function, named, want)
			}
		}
	}
}
